"""The first part of the first command: real clips, and nothing that was trained."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from vidparticles.editing.edit import edit
from vidparticles.inference.cuts import Cuts, cuts
from vidparticles.video import Writer, footage, open_video
from vidparticles.viz import text
from vidparticles.viz.show import show

# The man's leap and what follows: where motion is quick, and a blend of two frames shows two men.
SLOWED_SECONDS = 2.0
BLEND, OURS = "plain blend", "moved along the motion"


@dataclasses.dataclass(frozen=True)
class Footage:
    """What was made of the clips.

    Attributes:
        particles: a clip with its particles and their paths.
        beside: the clip's beginning at half speed, a plain blend on the left and ours on the right.
        shots: what `cuts` found in the other clip.
        clip: that clip.
    """

    particles: pathlib.Path
    beside: pathlib.Path
    shots: Cuts
    clip: pathlib.Path


def run(folder: pathlib.Path, section: Callable[[str], None]) -> Footage:
    """Follow, slow down and cut.

    Args:
        folder: made; everything goes there.
        section: prints a title.
    """
    folder.mkdir(parents=True)
    moving, cut = (
        pathlib.Path(shutil.copy(footage.path(name), folder)) for name in ("chaplin", "nasa")
    )
    particles, slow, beside = (folder / f"{n}.mp4" for n in ("particles", "slow", "beside"))
    section("a real clip: its particles, half speed beside a plain blend, the cuts of another")

    def slowed() -> None:
        edit(moving, slow, trim=f"0:{SLOWED_SECONDS:g}", speed=0.5)
        half_speed_beside_blend(moving, slow, beside)

    def drawn() -> None:
        show(moving, particles, points=True)

    # Side by side, since each spends most of its time compiling, which takes one core.
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        tasks = [pool.submit(drawn), pool.submit(slowed), pool.submit(cuts, cut)]
        trim = f"--trim 0:{SLOWED_SECONDS:g} --speed 0.5"
        for verb, task in zip(
            (
                f"show {moving.name} --points -o {particles.name}",
                f"edit {moving.name} {trim} -o {slow.name}",
                f"cuts {cut.name}",
            ),
            tasks,
            strict=True,
        ):
            task.result()
            print(f"  vidparticles {verb}", flush=True)
    shots = tasks[-1].result()
    print(text.list_shots(shots))
    return Footage(particles=particles, beside=beside, shots=shots, clip=cut)


def half_speed_beside_blend(clip: pathlib.Path, slow: pathlib.Path, out: pathlib.Path) -> None:
    """Write a clip at half speed twice, side by side: by the mean of neighbors, and as given.

    Args:
        clip: the clip.
        slow: its beginning at half speed: frame 2 k is the clip's frame k; where that repeats the
            one before, as many of this film do, a picture on the way to the next.
        out: the mp4 to write.
    """
    with open_video(clip) as whole, open_video(slow) as ours:
        count = len(ours)
        frames = whole.frames(range(min(len(whole), count // 2 + 1)))
        with Writer(out, rate=ours.info.rate) as writer:
            for k, (_, frame) in enumerate(ours):
                before, after = frames[k // 2], frames[min((k + 1) // 2, len(frames) - 1)]
                blend = np.mean([before, after], axis=0).round().astype(np.uint8)
                writer.add(np.concatenate([_titled(blend, BLEND), _titled(frame, OURS)], axis=1))


def _titled(frame: np.ndarray, title: str) -> np.ndarray:
    picture = Image.fromarray(frame)
    font = ImageFont.load_default(size=frame.shape[0] / 16)
    # A dark rim keeps the words readable on any picture.
    ImageDraw.Draw(picture).text(
        (8, 6), title, fill="white", font=font, stroke_width=2, stroke_fill="black"
    )
    return np.asarray(picture)
