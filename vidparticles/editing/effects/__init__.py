"""Effects: edits of what the pictures of a clip show, each a `Reel` to `Reel`; see `base`."""
