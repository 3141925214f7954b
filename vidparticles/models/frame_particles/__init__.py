"""The founding definition: one frame, one particle, in learned planes."""
