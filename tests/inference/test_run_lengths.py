"""Run lengths of masks: those of pycocotools, and back again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from vidparticles.inference.run_lengths import of_labels, pixels

Y, X = np.mgrid[:37, :53]
# What `pycocotools.mask.encode` (2.0) says of each.
TOLD = [
    ((X - 20) ** 2 + (Y - 15) ** 2 < 120, "m;9j04M2N2N2O0O2O0000000000000001N101N2N2N3LUi0"),
    (
        ((X + Y) % 7 < 2) & (X < 9),
        "0250000000010O0000000010O000000010O000000010O000000010O000000010O0000000010O000000010O00000000hb1",
    ),
    (X < 53, "0Ym1"),
    ((X == 52) & (Y == 36), "Xm11"),
    ((X == 0) & (Y == 0), "01Xm1"),
]


@pytest.mark.parametrize(("mask", "counts"), TOLD)
def test_they_are_those_of_pycocotools(mask, counts):
    told = of_labels(mask.astype(int))[1]
    assert told == {"size": [37, 53], "counts": counts}
    assert (pixels(told) == mask).all()


@given(
    arrays.arrays(
        np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 70)), elements=st.integers(0, 3)
    )
)
@settings(max_examples=60, deadline=None)
def test_each_label_comes_back(labels):
    told = of_labels(labels)
    assert set(told) == set(np.unique(labels).tolist()) - {0}
    for label, mask in told.items():
        assert mask["size"] == list(labels.shape)
        assert (pixels(mask) == (labels == label)).all()


def test_pycocotools_reads_them():
    reference = pytest.importorskip("pycocotools.mask", reason="comes with the extra bench")
    labels = np.random.default_rng(0).integers(0, 4, (40, 61)).repeat(5, 0).repeat(7, 1)
    for label, mask in of_labels(labels).items():
        assert (reference.decode(mask).astype(bool) == (labels == label)).all()
        assert reference.area(mask) == (labels == label).sum()
