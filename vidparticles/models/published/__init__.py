"""Networks that others have trained, for their own weights: see `weights`.

Their parameters are never drawn, so they begin with zeros: Flax traces the initializer of each
parameter whenever a network is applied, and tracing those that draw takes a second or two.
"""
