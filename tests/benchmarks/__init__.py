"""Benchmarks: how fast the study computes, beside its limit and its peers.

The results are in docs/explanation/performance.md.

They are no tests: `make bench` runs them, and pytest only checks that they measure the same thing
of everybody.
"""
