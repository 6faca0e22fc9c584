# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Arrays that come back are arrays that can be sent again, and errors name the input."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

import lossd
from lossd import specs

_BITS = np.array([0x3F80, 0x4000], np.uint16)  # 1, 2.


@pytest.mark.parametrize("with_ml_dtypes", [True, False])
def test_bfloat16_gradients_can_be_sent_again(client, monkeypatch, with_ml_dtypes):
    if with_ml_dtypes:
        pytest.importorskip("ml_dtypes")
    else:
        monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    first = client.compute(specs.squared_norm(), {"x.0": lossd.Bfloat16Bits(_BITS)}).gradients["x.0"]
    again = client.compute(specs.squared_norm(), {"x.0": first})
    assert again.objective == 2.5
    np.testing.assert_array_equal(again.gradients["x.0"].view(np.uint16), _BITS)


@pytest.mark.parametrize("array, why", [
    (_BITS, r"got uint16; bits of bfloat16 are sent as lossd\.Bfloat16Bits\(array\)"),
    (np.ones(2, "c8"), "got complex64"), (np.array(["a"]), "got str"), (torch.ones(2, dtype=torch.int16), "got int16"),
    (np.array([None]), "got object"), (lossd.Bfloat16Bits(_BITS.astype("i4")), "bits: expected a uint16 array"),
    (lossd.Bfloat16Bits([1, 2]), "bits: expected a uint16 array")])
def test_dtypes_that_cannot_be_sent_name_the_input(client, array, why):
    with pytest.raises(TypeError, match=rf"^inputs\[x\.0\]\.dtype: .*{why}"):
        client.compute(specs.squared_norm(), {"x.0": array})


def test_gradient_dtypes_that_are_none_name_the_option(client):
    with pytest.raises(TypeError, match=r"^gradients\.dtype: expected one of"):
        client.compute(specs.squared_norm(), {"x.0": _BITS.astype("f4")}, gradients=lossd.GradientOptions(dtype="u2"))


class _DlpackOnly:
    """What knows nothing but DLPack."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


def test_whatever_exports_itself_by_dlpack_can_be_sent(client):
    x = np.arange(6, dtype="f4").reshape(2, 3)
    result = client.compute(specs.squared_norm(), {"x.0": _DlpackOnly(x)})
    np.testing.assert_array_equal(result.gradients["x.0"], x)
