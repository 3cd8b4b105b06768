"""Proofs and audits on the screen: the checks behind a verdict, and where greedy texts part."""
