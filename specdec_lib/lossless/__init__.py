"""Proving that the output law is the target's: enumeration, tests with a stated power, and mutants that die."""
