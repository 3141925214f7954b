"""The founding definition: one frame, one particle, in learned planes.

Its steps, in order, are `encoder` (preprocessing), `planes` (particle initialization),
`interactions` (interaction rules, motion simulation) and `model` (structure, meaning, training,
inference).
"""
