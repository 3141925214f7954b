"""Networks that others have trained, for their own weights: see `weights`."""
