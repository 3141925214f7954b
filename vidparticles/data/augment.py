"""Stateless augmentation: the same generator, the same clip, to the bit."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Augment:
    """How training clips are varied; each draw holds for a whole clip.

    Attributes:
        crop: smallest part of the frame's height and width that is kept, 0 < crop ≤ 1.
        flip: mirror left and right for every second clip; off unless asked for, since
            directions and writing may be what a class is about.
        turn: a random quarter turn or mirror image of a square frame, all eight equally likely;
            off unless asked for, like `flip`.
        brightness: largest relative change of all values, 0 ≤ brightness < 1.

    Raises:
        ValueError: a value outside its range.
    """

    crop: float = 1.0
    flip: bool = False
    turn: bool = False
    brightness: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.crop <= 1:
            raise ValueError(f"crop is {self.crop}; expected a part of the frame in (0, 1].")
        if not 0 <= self.brightness < 1:
            raise ValueError(f"brightness is {self.brightness}; expected a value in [0, 1).")

    def source_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width to decode at, so that a crop of it has `size`.

        Example:
            >>> Augment(crop=0.8).source_size((64, 64))
            (80, 80)
        """
        return (round(size[0] / self.crop), round(size[1] / self.crop))

    def __call__(
        self, video: np.ndarray, *, size: tuple[int, int], rng: np.random.Generator
    ) -> np.ndarray:
        """Vary one clip.

        Args:
            video: uint8 [T, H, W, 3] of `source_size(size)`.
            size: height and width of the result.
            rng: where the draws come from.

        Returns:
            uint8 [T, *size, 3], C-contiguous.
        """
        y, x = (
            int(rng.integers(0, have - want + 1))
            for have, want in zip(video.shape[1:3], size, strict=True)
        )
        video = video[:, y : y + size[0], x : x + size[1]]
        if rng.random() < 0.5 and self.flip:
            video = video[:, :, ::-1]
        if self.turn:
            video = np.rot90(video, int(rng.integers(4)), axes=(1, 2))
            video = video[:, :, ::-1] if rng.random() < 0.5 else video
        if self.brightness:
            factor = 1 + self.brightness * rng.uniform(-1, 1)
            # A table of 256 values: ten times faster than arithmetic in floats.
            table = np.clip(np.arange(256) * factor + 0.5, 0, 255).astype(np.uint8)
            return table.take(video)
        return np.ascontiguousarray(video)
