"""Experiments: training, evaluation, benchmarks; run from a clone of the repository."""
