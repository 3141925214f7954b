"""The photographs that `configs/moving.py` was trained with, out of where they lie.

    python -m experiments.moving_pictures FOLDER [--source URL]

Each of configs/moving_pictures.csv is downloaded into FOLDER and compared with its hash; one that
is there already is left. Those of a repository stand below SOURCE/OWNER/NAME/HEAD/.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import pathlib
import sys
import urllib.parse
import urllib.request

from vidparticles import storage
from vidparticles.errors import InputError, reason
from vidparticles.progress import counted

LIST = pathlib.Path(__file__).parent / "configs" / "moving_pictures.csv"
SOURCE = "https://raw.githubusercontent.com"
SECONDS = 60  # without an answer, until it is given up


def fetch(folder: pathlib.Path, source: str = SOURCE) -> list[str]:
    """Bring what is missing.

    Args:
        folder: where pictures are put; made when absent.
        source: what stands before OWNER/NAME/HEAD/PATH in addresses.

    Returns:
        A sentence for each that could not be had, or is another picture than the known one.

    Raises:
        InputError: the folder cannot be written.
    """
    with LIST.open(newline="") as file:
        rows = list(csv.DictReader(file))
    with storage.write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for row in counted(rows, len(rows), work="fetching pictures"):
        path = folder / row["file"]
        if path.exists() and _digest(path.read_bytes()) == row["sha256"]:
            continue
        owner_and_name = row["repository"].removeprefix("github.com/")
        address = f"{source}/{owner_and_name}/HEAD/{urllib.parse.quote(row['path'])}"
        try:
            with urllib.request.urlopen(address, timeout=SECONDS) as answer:
                content = answer.read()
        except OSError as error:
            cause = getattr(error, "reason", None)  # of urllib's own error
            told = reason(cause if isinstance(cause, Exception) else error)
            failed.append(f"{address} cannot be had ({told}).")
            continue
        if _digest(content) != row["sha256"]:
            failed.append(f"{address} is another picture by now; it was left out.")
            continue
        storage.write_bytes(path, content)
    return failed


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", metavar="FOLDER", type=pathlib.Path)
    options.add_argument("--source", metavar="URL", default=SOURCE, help="default, %(default)s")
    args = options.parse_args()
    try:
        failed = fetch(args.folder, args.source)
    except InputError as error:
        sys.exit(f"error: {error}")
    if failed:
        more = [f"{len(failed) - 3} more."] if len(failed) > 3 else []
        sys.exit("\n".join(["error: some pictures are missing.", *failed[:3], *more]))
    print(f"All pictures are in {args.folder}.")


if __name__ == "__main__":
    main()
