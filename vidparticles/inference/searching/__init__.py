"""Clips of a folder that are like another one, or like some words; and when in them.

`index.py` keeps what the published networks see of each clip, `words.py` says where that lies among
texts, `nearest.py` compares, `find.py` answers.
"""

from vidparticles.inference.searching.find import Found, Hit, recommend, search
from vidparticles.inference.searching.index import Index, build

__all__ = ["Found", "Hit", "Index", "build", "recommend", "search"]
