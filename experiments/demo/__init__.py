"""The first command: a real clip, then a model trained on made-up ones."""
