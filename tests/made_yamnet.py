"""A file as YAMNet is published, of parameters that no one has trained, with names beside it."""

from __future__ import annotations

import io
import json
import pathlib
from collections.abc import Mapping

import h5py
import numpy as np

from tests.models.published import made_inputs

RECORDED = pathlib.Path(__file__).parent / "models" / "published" / "recorded"
SHAPES: dict[str, list[int]] = json.loads((RECORDED / "names.json").read_text())["yamnet"]
LABELS = tuple(f'kind {k}, the "{k}th"' for k in range(521))  # of what a csv has to quote


def keras_file(values: Mapping[str, np.ndarray]) -> bytes:
    """A weights file by the paths of its values, as Keras 2 lays them down."""
    whole = io.BytesIO()
    with h5py.File(whole, "w") as file:
        for name, value in values.items():
            file.create_dataset(name, data=value)
        file.attrs["backend"] = np.bytes_("tensorflow")
    return whole.getvalue()


def tensors() -> dict[str, np.ndarray]:
    """Those of the file that `write` writes."""
    return made_inputs.keras_tensors(SHAPES)


def class_map() -> str:
    """The names as they are published."""
    rows = (f'{k},/m/{k},"{name.replace(chr(34), 2 * chr(34))}"' for k, name in enumerate(LABELS))
    return "\r\n".join(["index,mid,display_name", *rows, ""])


def write(folder: pathlib.Path) -> pathlib.Path:
    """Both files in a folder; the path of the weights."""
    (folder / "yamnet_class_map.csv").write_text(class_map(), newline="")
    (folder / "yamnet.h5").write_bytes(keras_file(tensors()))
    return folder / "yamnet.h5"
