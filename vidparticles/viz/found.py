"""What `search` and `recommend` found: lines for a terminal, and a page with a picture of each."""

from __future__ import annotations

import html
import os
import pathlib
import urllib.parse

from vidparticles.errors import InputError
from vidparticles.inference.searching import Found, Hit
from vidparticles.storage import PathLike, write_text
from vidparticles.video import open_video
from vidparticles.viz.page import fitted, jpeg
from vidparticles.viz.text import clock

WIDTH = 480  # pixels of the longer side of a picture on the page


def list_found(found: Found) -> str:
    """The clips that were found, one a line, the best first.

    Args:
        found: what `search` or `recommend` gave.

    Returns:
        Lines, without the last line's end.
    """
    lines = [heading(found)]
    if not found.hits:
        return lines[0]
    names = [_name(hit, found) for hit in found.hits]
    wide, digits = max(map(len, names)), len(str(len(names)))
    lines.append("")
    for number, (name, hit) in enumerate(zip(names, found.hits, strict=True), start=1):
        span = f"{clock(hit.start):>7} – {clock(hit.end):7}"
        row = f"  {number:>{digits}}  {hit.score:5.2f}  {name:{wide}}  {span}  {shown(hit)}"
        lines.append(row.rstrip())
    return "\n".join(lines)


def heading(found: Found) -> str:
    """What was asked, and of how many clips."""
    new = f", {found.made} of them new" if 0 < found.made < found.clips else ""
    what = "" if found.hits else ": nothing was found"
    return f"{found.asked} in {found.folder}, {found.clips} clips{new}{what}"


def shown(hit: Hit) -> str:
    """Who moves where in the moment and what it shows, or what is said in it."""
    if hit.says:
        return f"“{hit.says}”"
    shows = ", ".join(f"{label} {100 * share:.0f} %" for label, share in hit.shows)
    return "; ".join(part for part in (hit.moves, shows) if part)


def write_sheet(found: Found, out: PathLike, *, overwrite: bool = False) -> pathlib.Path:
    """Write a page with a picture of each clip that was found, in one file.

    A picture is of the middle of the moment and leads to the clip at that moment, where the clip
    still is at its place.

    Args:
        found: what `search` or `recommend` gave.
        out: an .html file.
        overwrite: replace an existing one.

    Raises:
        InputError: the file has another suffix, is there already, or cannot be written.
    """
    path = check_sheet(out, overwrite=overwrite)
    cards = "\n".join(_card(k, hit, found, path) for k, hit in enumerate(found.hits, start=1))
    text = PAGE.replace("{{title}}", html.escape(heading(found))).replace("{{cards}}", cards)
    write_text(path, text, overwrite=overwrite)
    return path


def check_sheet(out: PathLike, *, overwrite: bool = False) -> pathlib.Path:
    """Refuse a page's path before any work is done.

    Raises:
        InputError: the file has another suffix than .html, or is there already; or its folder is
            not.
    """
    path = pathlib.Path(out)
    if path.suffix.lower() not in {".html", ".htm"}:
        raise InputError(f"{path}: give the page a name that ends in .html.")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent}: no such folder; make it or give another path.")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists; give --overwrite to replace it, or another name.")
    return path


def _card(number: int, hit: Hit, found: Found, out: pathlib.Path) -> str:
    with open_video(hit.path) as video:
        middle = min((hit.start + hit.end) / 2, float(video.times[-1]))
        frame = video.at(middle)
    scale = min(1.0, WIDTH / max(frame.shape[:2]))
    size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
    relative = os.path.relpath(hit.path.resolve(), out.parent.resolve())
    link = urllib.parse.quote(pathlib.Path(relative).as_posix()) + f"#t={hit.start:.2f}"
    name, what = html.escape(_name(hit, found)), html.escape(shown(hit))
    return (
        f'<li><a href="{html.escape(link)}"><img alt="{name}" width="{size[0]}" height="{size[1]}" '
        f'src="data:image/jpeg;base64,{jpeg(fitted(frame, size))}"></a>'
        f"<p><b>{number}</b> <span>{name}</span></p>"
        f"<p><small>{clock(hit.start)} – {clock(hit.end)} of {clock(hit.seconds)} · "
        f"{hit.score:.2f}</small></p><p><small>{what}</small></p></li>"
    )


def _name(hit: Hit, found: Found) -> str:
    """The path of a clip within the folder that was searched."""
    try:
        return str(hit.path.relative_to(found.folder))
    except ValueError:
        return str(hit.path)


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{title}}</title>
<style>
:root { color-scheme: dark }
body { margin: 0; background: #14161a; color: #d9dde4; font: 15px/1.45 system-ui, sans-serif }
main { max-width: 84rem; margin: 0 auto; padding: 1.2rem 1rem 2rem }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0 0 1rem; overflow-wrap: anywhere }
ol { list-style: none; margin: 0; padding: 0; display: grid; gap: 1.2rem 1rem;
     grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)) }
li { min-width: 0 }
li a { display: block; border-radius: 8px; overflow: hidden; background: #000 }
li a:focus-visible { outline: 2px solid #2fc4cc }
img { display: block; width: 100%; height: auto; aspect-ratio: 16 / 9; object-fit: contain }
p { margin: .35rem 0 0; overflow-wrap: anywhere }
p + p { margin-top: .1rem }
b { color: #2fc4cc }
small { color: #9aa3b0; font-variant-numeric: tabular-nums }
</style>
<body>
<main>
<h1>{{title}}</h1>
<ol>
{{cards}}
</ol>
</main>
</body>
</html>
"""
