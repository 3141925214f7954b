"""A page in a real browser, headless: what its console says, and the size of all that it shows."""

from __future__ import annotations

import dataclasses
import html
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Waits until everything is loaded, then leaves in the page what it found.
REPORT = """
<script>
addEventListener("load", async () => {
  const media = [...document.querySelectorAll("img, video")];
  await Promise.all(media.map((m) => new Promise((done) => {
    const loaded = () => m.tagName === "VIDEO" ? m.readyState > 0 || m.error : m.complete;
    const look = () => loaded() ? done() : setTimeout(look, 20);
    look();
  })));
  const note = document.createElement("output");
  note.id = "report";
  note.hidden = true;
  note.textContent = JSON.stringify({
    media: media.map((m) => ({
      tag: m.tagName.toLowerCase(),
      source: (m.currentSrc || m.src).slice(0, 200),
      width: m.naturalWidth || m.videoWidth || 0,
      height: m.naturalHeight || m.videoHeight || 0,
      shown: [m.clientWidth, m.clientHeight],
    })),
    wide: document.documentElement.scrollWidth,
  });
  document.body.append(note);
});
</script>
"""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a browser made of a page.

    Attributes:
        console: lines that scripts or the browser wrote to the console.
        media: of each picture and video its tag, source, natural width and height (0 where it did
            not load) and the size at which it is shown.
        wide: pixels of the whole page, more than the window where one must scroll sideways.
    """

    console: list[str]
    media: list[dict]
    wide: int


def look(page: pathlib.Path, *, width: int = 1400, picture: pathlib.Path | None = None) -> Seen:
    """Open a page; the test is skipped where there is no browser.

    Args:
        page: an HTML file; what it names lies beside it.
        width: of the window.
        picture: where to write a screenshot.
    """
    browser = next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        pytest.skip(f"no browser to open {page.name} in; install chromium to run this test")
    # Beside the page, so that it finds what it names.
    copy = page.with_name(f".look-{page.name}")
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", REPORT + "</body>"))
    try:
        with tempfile.TemporaryDirectory() as profile:
            words = [browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio"]
            words += [f"--user-data-dir={profile}", f"--window-size={width},1200"]
            words += ["--virtual-time-budget=20000", "--enable-logging=stderr"]
            if picture is not None:
                shot = [f"--screenshot={picture}", "--hide-scrollbars", copy.as_uri()]
                subprocess.run([*words, *shot], check=True, capture_output=True, timeout=120)
            done = subprocess.run(
                [*words, "--dump-dom", copy.as_uri()],
                check=True,
                capture_output=True,
                text=True,
                timeout=120,
            )
    finally:
        copy.unlink()
    report = re.search(r'<output id="report"[^>]*>(.*?)</output>', done.stdout, re.DOTALL)
    assert report, f"the page never finished loading: {done.stderr[-2000:]}"
    found = json.loads(html.unescape(report[1]))
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    return Seen(console, found["media"], found["wide"])
