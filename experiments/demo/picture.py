"""The moving picture of README: a clip that comes with the package, with its particles.

    python -m experiments.demo.picture [--out experiments/demo/particles.gif]

Draws them with `vidparticles show --color group` and writes every second frame of the later part
as a GIF that a README can carry: one palette without dithering, half of it grays, and what hardly
changes stays as it was.
"""

from __future__ import annotations

import argparse
import pathlib
import tempfile

import numpy as np
from PIL import Image

from vidparticles import startup
from vidparticles.video import footage, open_video

FIRST = 28  # the frame after the leap, which is too quick to be followed
EVERY = 2
GRAYS = COLORS = 40
COLORED = 40  # levels between the channels of a pixel that is not gray
STILL = 14  # levels that a pixel may change by and stay as it was


def gif(frames: np.ndarray, out: pathlib.Path, *, seconds: float) -> None:
    """Write frames as a small GIF that begins again.

    Args:
        frames: uint8 [T, H, W, 3].
        out: the file.
        seconds: from frame to frame.
    """
    shown = [frames[0]]
    for frame in frames[1:]:
        change = np.abs(frame.astype(int) - shown[-1]).max(-1, keepdims=True)
        shown.append(np.where(change > STILL, frame, shown[-1]))
    palette = _palette(np.concatenate(shown))
    pictures = [
        Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in shown
    ]
    pictures[0].save(
        out,
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 * seconds),
        loop=0,
        optimize=True,
    )


def _palette(pixels: np.ndarray) -> Image.Image:
    """Grays, and as many of the colors that are there; they are few and would else be lost."""
    spread = pixels.max(-1).astype(int) - pixels.min(-1)
    colored = Image.fromarray(pixels[spread > COLORED][None]).quantize(COLORS)
    palette = Image.new("P", (1, 1))
    grays = np.linspace(0, 255, GRAYS).round().astype(int).repeat(3).tolist()
    palette.putpalette(grays + (colored.getpalette() or [])[: 3 * COLORS])
    return palette


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=str(pathlib.Path(__file__).with_name("particles.gif")))
    out = pathlib.Path(parser.parse_args().out)
    with startup.own_words_only(), tempfile.TemporaryDirectory() as scratch:
        from vidparticles.viz.show import show

        drawn = pathlib.Path(scratch) / "particles.mp4"
        show(footage.path("chaplin"), drawn, color="group")
        with open_video(drawn) as video:
            frames = video.frames(range(FIRST, len(video), EVERY))
            seconds = EVERY / float(video.info.rate)
    gif(frames, out, seconds=seconds)
    print(f"{out}  {out.stat().st_size / 1000:.0f} kB, {len(frames)} frames")


if __name__ == "__main__":
    main()
