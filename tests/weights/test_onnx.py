"""Files of ONNX: what they hold comes out; what is no such file is a sentence."""

from __future__ import annotations

import numpy as np
import pytest

from vidparticles.errors import InputError
from vidparticles.weights import onnx


def varint(value: int) -> bytes:
    value %= 1 << 64
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, value: np.ndarray, kind: int, how: str = "raw") -> bytes:
    """A TensorProto, by the numbers of fields in onnx.proto."""
    dims = b"".join(field(1, side) for side in value.shape)
    numbers = {
        "raw": lambda: field(9, value.tobytes()),
        "floats": lambda: field(4, value.astype("<f4").tobytes()),
        "packed": lambda: field(7, b"".join(varint(int(v)) for v in value.reshape(-1))),
        "one by one": lambda: b"".join(field(5, int(v)) for v in value.reshape(-1)),
        "elsewhere": lambda: field(13, b"other file"),
    }
    return dims + field(2, kind) + field(8, name.encode()) + numbers[how]()


def model(*tensors: bytes) -> bytes:
    """A ModelProto: a version, who made it, a graph with a node, a fixed field."""
    graph = field(1, field(4, b"Conv")) + b"".join(field(5, one) for one in tensors)
    fixed = varint(90 << 3 | 5) + b"1234" + varint(91 << 3 | 1) + b"12345678"
    return field(1, 4) + field(2, b"made") + field(7, graph) + fixed


def test_tensors_come_out_as_they_went_in():
    values = {
        "kernel": (np.arange(300, dtype=np.float32).reshape(3, 100), 1, "raw"),
        "half": (np.float16([1, 2]), 10, "raw"),
        "floats": (np.float32([[1.5], [-2]]), 1, "floats"),
        "packed": (np.int64([3, -1, 1 << 40]), 7, "packed"),
        "one by one": (np.int8([5, -7]), 3, "one by one"),
        "scalar": (np.array(7, np.int64), 7, "raw"),
        "none": (np.zeros((0, 2), np.float32), 1, "raw"),
    }
    found = onnx.read(model(*(tensor(name, *facts) for name, facts in values.items())), "n.onnx")
    assert list(found) == list(values)
    for name, (value, _, _) in values.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype


ONE = tensor("a", np.float32([1, 2]), 1)
DAMAGED = {
    "cut short": (model(ONE)[:-3], "ends in the middle of a field"),
    "no such file": (b"words", "of the unknown kind 7"),
    "empty": (b"", "there are none in it"),
    "endless": (b"\xff" * 30, "ends in the middle of a field"),
    "few numbers": (model(tensor("a", np.float32([1, 2]), 1)[:-4] + b""), "ends in the middle"),
    "another shape": (model(field(1, 3) + field(2, 1) + field(9, b"1234")), "reshape"),
    "an unknown type": (model(field(1, 1) + field(2, 16) + field(9, b"12")), "16"),
    "a number as graph": (field(7, 3), "a number is where a message is expected"),
    "in another file": (model(tensor("a", np.float32([1]), 1, "elsewhere")), "of a are in another"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_damaged_is_one_sentence(kind):
    content, cause = DAMAGED[kind]
    with pytest.raises(InputError, match=r"n\.onnx cannot be read as tensors of ONNX") as told:
        onnx.read(content, "n.onnx")
    assert cause in str(told.value)
    assert "\n" not in str(told.value)
