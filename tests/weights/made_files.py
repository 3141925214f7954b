"""Made-up files of weights, and a registry on this machine that serves them."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import pickle
import tarfile
import threading
import zipfile

import numpy as np

from vidparticles.weights.table import Weights

VALUES = {
    "net.layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "net.layer.bias": np.float32([0.5, -1, 2]),
    "net.teacher.weight": np.ones(2, np.float32),
}


class _Global:
    """Is pickled as the name of something in a module that is not here."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name


class _Storage:
    def __init__(self, key: str, length: int):
        self.key, self.length = key, length


class TorchPickler(pickle._Pickler):
    """Writes what torch.save writes, without torch."""

    def save(self, thing, *_, **__):
        if isinstance(thing, _Global):
            self.write(pickle.GLOBAL + f"{thing.module}\n{thing.name}\n".encode())
        elif isinstance(thing, Call):
            self.save(thing.function)
            self.save(thing.given)
            self.write(pickle.REDUCE)
        else:
            super().save(thing)

    def persistent_id(self, thing):
        if isinstance(thing, _Storage):
            kind = _Global("torch", "FloatStorage")
            return ("storage", kind, thing.key, "cpu", thing.length)
        return None


class Call:
    """Is pickled as a call of something."""

    def __init__(self, module: str, name: str, *given):
        self.function, self.given = _Global(module, name), given


def torch_file(values, more=()) -> bytes:
    """A zip file as torch.save writes a state dict of floats; `more` is put in it as it is."""
    tensors, storages = dict(more), {}
    for key, (name, value) in enumerate(values.items()):
        strides = tuple(step // 4 for step in value.strides)
        storages[str(key)] = value.tobytes(order="A")  # as its strides say
        given = _Storage(str(key), value.size), 0, value.shape, strides, False, {}
        tensors[name] = Call("torch._utils", "_rebuild_tensor_v2", *given)
    pickled, whole = io.BytesIO(), io.BytesIO()
    TorchPickler(pickled, 2).dump(tensors)
    with zipfile.ZipFile(whole, "w") as file:
        file.writestr(zipfile.ZipInfo("archive/data.pkl"), pickled.getvalue())
        for key, content in storages.items():
            file.writestr(zipfile.ZipInfo(f"archive/data/{key}"), content)
    return whole.getvalue()


def graph_model(values) -> tuple[bytes, bytes]:
    """Numbers and their JSON as TensorFlow.js has them; matrices in halves of floats."""
    entries, numbers = [], []
    for name, value in values.items():
        entry = {"name": name, "shape": list(value.shape), "dtype": "float32"}
        if value.ndim > 1:
            value = value.astype(np.float16)
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
        entries.append(entry)
        numbers.append(value.tobytes())
    manifest = {"weightsManifest": [{"paths": ["net.bin"], "weights": entries}]}
    return b"".join(numbers), json.dumps(manifest).encode()


def wheel(members: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return whole.getvalue()


def tarball(members: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as file:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return whole.getvalue()


def line(name: str, packed: bytes, published: bytes, **more) -> Weights:
    """A line of the table for made-up files."""
    facts = {
        "what": "nothing",
        "license": "MIT",
        "registry": "pypi",
        "project": "Made_up.net",
        "archive": f"{name}-1.0-py3-none-any.whl",
        "member": "made/net.pth",
        "left_out": r"net\.teacher\.",
    }
    return Weights(
        name=name,
        archive_sha256=hashlib.sha256(packed).hexdigest(),
        archive_bytes=len(packed),
        sha256=hashlib.sha256(published).hexdigest(),
        bytes=len(published),
        **(facts | more),
    )


class Server:
    """Files by path, served; what was asked for is noted.

    Attributes:
        url: of its root.
        files: path → (kind, content) or a function that is given the request's handler.
        asked: paths in order.
        logins: the headers of those requests that came with one.
    """

    def __init__(self):
        self.files, self.asked, self.logins = {}, [], []
        handler = functools.partial(_Handler, self)
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, server, *given):
        self.files = server
        super().__init__(*given)

    def do_GET(self):
        self.files.asked.append(self.path)
        if "Authorization" in self.headers:
            self.files.logins.append(self.headers["Authorization"])
        found = self.files.files.get(self.path)
        if callable(found):
            found(self)
            return
        if found is None:
            self.send_error(404)
            return
        kind, content = found
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
