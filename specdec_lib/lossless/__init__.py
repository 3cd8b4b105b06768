"""Proof that the output law is the target's: exact laws, tests of stated power, and mutants that die."""
