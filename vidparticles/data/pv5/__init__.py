"""PV-5: five synthetic video tasks that tell models of long video apart.

32 × 32 pictures of discs or textures, made on the fly from a named index, so that every split
is exact and none is stored. What each task asks is said at the head of its file:

============ ==============================================================
first_hit    T1: which of four circling discs was the first to touch a fifth?
shell_game   T2: where is the cup that was marked, after n swaps?
flash_recall T3: which color did this disc once show?
permanence   T4: in which frames does something happen that cannot?
texture_flow T5: how does this texture move?
============ ==============================================================

A task is one function, `batch(indices, **options)`. `Source` gives it splits, a length and a clock.
"""

from vidparticles.data.pv5.source import FRAME_RATE, SPLITS, TASKS, Source, seconds

__all__ = ["FRAME_RATE", "SPLITS", "TASKS", "Source", "seconds"]
