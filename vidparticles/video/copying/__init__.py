"""Parts of files moved as they are stored; pictures are encoded at the cuts alone."""

from vidparticles.video.copying.copy import Part, copy_parts

__all__ = ["Part", "copy_parts"]
