"""Clips on disk to batches of numpy arrays; the only room that imports tensorflow.

tensorflow is imported inside functions and never sees a GPU: jax owns those.
"""
