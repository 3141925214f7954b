"""Pickles of arrays: what they hold comes out, what they name does not run."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from made_files import VALUES, Call, TorchPickler

from vidparticles.errors import InputError
from vidparticles.weights import arrays


def test_arrays_come_out_as_they_went_in():
    tree = {
        "params": {"a/b": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}},
        "turned": np.arange(6.0).reshape(2, 3).T,
        "big end": np.arange(3, dtype=">i4"),
        "scalar": np.array(7, np.int64),
        "flags": np.array([True, False]),
    }
    for protocol in (3, 4):
        found = arrays.read(pickle.dumps(tree, protocol), "net.ckpt")
        assert list(found) == ["params.a/b.kernel", "turned", "big end", "scalar", "flags"]
        np.testing.assert_array_equal(found["params.a/b.kernel"], tree["params"]["a/b"]["kernel"])
        for name in ("turned", "big end", "scalar", "flags"):
            np.testing.assert_array_equal(found[name], tree[name])
            assert found[name].dtype == tree[name].dtype.newbyteorder("=")
            assert found[name].flags.c_contiguous


class Cut:
    """Is pickled as an array whose bytes are too few."""

    def __reduce__(self):
        make, given, state = np.arange(4.0).__reduce__()
        return make, given, (*state[:-1], state[-1][:8])


def damaged() -> dict[str, bytes]:
    whole = pickle.dumps(VALUES)
    return {
        "cut short": whole[:-50],
        "no tree": pickle.dumps(np.zeros(3)),
        "other things": pickle.dumps({"a": 3}),
        "no numbers": pickle.dumps({"a": np.array(["words"])}),
        "objects": pickle.dumps({"a": np.array([None])}),
        "few bytes": pickle.dumps({"a": Cut()}),
        "words": b"words",
        "empty": b"",
    }


@pytest.mark.parametrize("kind", sorted(damaged()))
def test_a_damaged_file_is_one_sentence(kind):
    with pytest.raises(InputError, match=r"net\.ckpt cannot be read as a pickle") as told:
        arrays.read(damaged()[kind], "net.ckpt")
    assert "\n" not in str(told.value)


def test_nothing_that_a_file_names_is_called(tmp_path):
    import io

    for evil in (
        Call("builtins", "open", str(tmp_path / "made"), "w"),
        Call("numpy", "save", str(tmp_path / "made"), 1),
    ):
        whole = io.BytesIO()
        TorchPickler(whole, 2).dump({"w": evil})
        with pytest.raises(InputError, match=r"it names \w+\.\w+"):
            arrays.read(whole.getvalue(), "net.ckpt")
    assert not list(tmp_path.iterdir())
