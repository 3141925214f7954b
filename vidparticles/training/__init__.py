"""Training: the state, the sharded step, checkpoints, metrics and what a run writes.

Each part is imported by name (``from vidparticles.training import step``), so that looking at
a checkpoint does not pay for a trainer. `experiments/train.py` puts them together in one page.
"""
