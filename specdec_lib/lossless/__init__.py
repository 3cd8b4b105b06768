"""Proof that the output law is the target's: enumeration, tests of stated power, and mutants that die."""
