"""New colors of one object alone: how far they stay with it, and what they cost.

    python -m experiments.benchmarks.editing_recolor [--smoke] [--json FILE]

The tennis player of DAVIS (../shared/data/masks), 24 frames of 854 × 480, turned by 90 degrees of
hue through the mask that follows him (`edit --recolor hue=90 --object person`; `vidparticles
weights get nanodet selfie`). `recolor_inside` is the mean absolute change, of 255, in the truth, as
a share of what turning the whole picture changes there. `recolor_outside` is the mean absolute
change, of 255, of pixels more than 4 away from the truth; `recolor_outside_box` that of the peer,
who turns all in the player's box. Of the truth are his racket and the ball, too, which are other
objects. Times are CPU milliseconds a frame: of finding (once a clip), of masks, and of mixing.
"""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation

from experiments.benchmarks.harness import ROOT, finish, parser, print_table
from vidparticles.editing import Colors, Reel, recolor
from vidparticles.editing.effects.paint import box_region, mask_region, mixed
from vidparticles.editing.effects.recolor import recolored
from vidparticles.editing.reel import Frames
from vidparticles.inference.reel_objects import find_objects
from vidparticles.video import Picture

TENNIS = ROOT.parent / "shared" / "data" / "masks" / "davis_tennis"
LOOK = Colors(hue=90)
FAR = 4  # pixels


def pictures(name: str, count: int) -> list[np.ndarray]:
    return [np.asarray(Image.open(p)) for p in sorted((TENNIS / name).iterdir())[:count]]


def change(new: Picture, own: Picture) -> np.ndarray:
    """Mean over colors [H, W]."""
    return np.abs(new.rgb().astype(float) - own.rgb()).mean(-1)


def main() -> None:
    args = parser(__doc__).parse_args()
    count = 4 if args.smoke else 24
    own = [Picture(Picture.of(frame).stored("yuv420p")) for frame in pictures("frames", count)]
    truths = [truth.reshape(*truth.shape[:2], -1).max(-1) > 0 for truth in pictures("masks", count)]
    times = [Fraction(k, 24) for k in range(count)]

    def again(first: int, last: int) -> Frames:
        return iter(list(zip(times, own, strict=True))[first:last])

    height, width = truths[0].shape
    reel = Reel(
        again(0, count), times, Fraction(count, 24), Fraction(24), height, width, again=again
    )
    used = time.process_time()
    objects = find_objects("person")(reel)
    finding = (time.process_time() - used) / count
    list(objects.masks(again(0, 2), 0))  # compiles
    used = time.process_time()
    masks = [told for _, _, told in objects.masks(again(0, count), 0)]
    masking = (time.process_time() - used) / count
    used = time.process_time()
    for picture, told in zip(own, masks, strict=True):
        for mask in told.values():
            region = mask_region(mask, margin=0, soft=0)
            if region is not None:
                mixed(picture, recolored(picture, LOOK), region)
    mixing = (time.process_time() - used) / count
    rows = []
    edited = [picture for _, picture in recolor(LOOK, lambda _: objects)(reel).frames]
    for k, (picture, new, truth) in enumerate(zip(own, edited, truths, strict=True)):
        whole = recolored(picture, LOOK)
        boxed = picture
        for box in objects.seen[k].box:
            region = box_region(box * height, height, width, margin=0, soft=0)
            boxed = boxed if region is None else mixed(boxed, whole, region)
        far = ~binary_dilation(truth, iterations=FAR)
        inside = change(new, picture)[truth].mean() / change(whole, picture)[truth].mean()
        rows.append((inside, change(new, picture)[far].mean(), change(boxed, picture)[far].mean()))
    inside, outside, by_box = np.mean(rows, 0)
    header = ["", "inside, of all", "outside, of 255"]
    table = [["mask", f"{inside:.2f}", f"{outside:.2f}"], ["box", "", f"{by_box:.2f}"]]
    print_table(header, table)
    figures = {
        "recolor_inside": inside,
        "recolor_outside": outside,
        "recolor_outside_box": by_box,
        "recolor_finding_ms": 1000 * finding,
        "recolor_masks_ms": 1000 * masking,
        "recolor_mixing_ms": 1000 * mixing,
    }
    finish(args, figures, table={"header": header, "rows": table})


if __name__ == "__main__":
    main()
