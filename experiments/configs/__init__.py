"""The configs of `experiments/train.py`, one a file."""
