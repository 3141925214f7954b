"""The page of `show` in a real browser."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from tests import browser
from vidparticles.video import write_video
from vidparticles.viz.show import show

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Of a texture that drifts, 10 frames of 160 × 96."""
    noise = np.random.default_rng(0).integers(30, 220, (16, 30, 3))
    texture = np.kron(noise, np.ones((6, 6, 1))).astype(np.uint8)
    frames = np.stack([np.roll(texture, 2 * t, axis=1)[:, :160] for t in range(10)])
    folder = tmp_path_factory.mktemp("page")
    write_video(folder / "clip.mp4", frames, rate=12)
    show(folder / "clip.mp4", folder / "page.html", color="group", forces=True)
    return folder / "page.html"


@pytest.mark.parametrize("width", [1400, 390])
def test_it_opens_without_errors_at_its_natural_size_and_needs_no_scrolling(page, width):
    seen = browser.look(page, width=width)
    assert not seen.console
    (picture,) = seen.media
    data = json.loads(
        re.search(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1]
    )
    assert [picture["width"], picture["height"]] == data["size"] == [160, 96]
    shown = picture["shown"]
    assert shown[0] / shown[1] == pytest.approx(160 / 96, rel=0.02)
    # Chromium's own least width of a window is 500.
    assert seen.wide <= max(width, 500)


def test_an_error_in_a_script_is_seen(page, tmp_path):
    """The test above can fail."""
    broken = tmp_path / "broken.html"
    text = page.read_text(encoding="utf-8")
    broken.write_text(text.replace('"use strict";', '"use strict"; nothing();', 1))
    assert any("nothing is not defined" in line for line in browser.look(broken).console)
