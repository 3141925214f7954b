"""Files of PyTorch: what they hold comes out, what they name does not run."""

from __future__ import annotations

import io
import pickle
import zipfile

import numpy as np
import pytest
from made_files import VALUES, Call, torch_file, wheel

from vidparticles.errors import InputError
from vidparticles.weights import reader


def test_tensors_come_out_as_they_went_in():
    turned = np.arange(6, dtype=np.float32).reshape(2, 3).T
    values = VALUES | {"turned": turned, "scalar": np.float32(7).reshape(())}
    # Of `turned`, memory is in the order of its strides.
    found = reader.read(torch_file(values), "net.pth")
    assert list(found) == list(values)
    for name in (*VALUES, "turned"):
        np.testing.assert_array_equal(found[name], values[name])
        assert found[name].flags.c_contiguous, "files are kept in this order"
    assert found["scalar"] == 7


def test_nothing_that_a_file_names_is_called(tmp_path):
    evil = {"w": Call("builtins", "open", str(tmp_path / "made"), "w")}
    for name, thing in {
        "open": torch_file({}, evil),
        "system": torch_file({}, {"w": Call("os", "system", f"touch {tmp_path}/made")}),
        "torch": torch_file({}, {"w": Call("torch.hub", "load", "x")}),
    }.items():
        with pytest.raises(InputError, match=r"it names \w+"):
            reader.read(thing, name)
    assert not list(tmp_path.iterdir())


def damaged() -> dict[str, bytes]:
    whole = torch_file(VALUES)
    rewritten = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(rewritten, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name)[: 8 if name.endswith("/0") else None])
    flipped = bytearray(whole)
    flipped[whole.index(np.float32([0.5, -1, 2]).tobytes())] ^= 1
    far = Call("torch._utils", "_rebuild_tensor_v2", 3, 0, (2,), (1,))
    return {
        "cut short": whole[:-200],
        "flipped": bytes(flipped),
        "storage cut short": rewritten.getvalue(),
        "a plain pickle": pickle.dumps({"w": 1}),
        "another zip file": wheel({"a.txt": b"words"}),
        "no tensors": torch_file({}, {"w": 3}),
        "no storage": torch_file({}, {"w": far}),
        "empty": b"",
    }


@pytest.mark.parametrize("kind", sorted(damaged()))
def test_a_damaged_file_is_one_sentence(kind):
    with pytest.raises(InputError, match=r"net\.pth cannot be read as tensors of PyTorch") as told:
        reader.read(damaged()[kind], "net.pth")
    assert "\n" not in str(told.value)
