# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Cases of the losses over pairs of embeddings: each in every dtype that it takes."""

from __future__ import annotations

import torch
from torch import Tensor

import contrastive_oracle as oracle
from case_parts import FLOATS, case, computed
from loss_cases import drawn


def _pair(first: str, second: str, dtype: str, seed: int, rows: int = 5) -> dict[str, Tensor]:
    return {first: drawn(seed, rows, 4, dtype=dtype), second: drawn(seed + 1, rows, 4, dtype=dtype)}


def _messages(dtype: str) -> dict[str, dict]:
    """By the loss's name."""
    negatives = {"negative.0": drawn(43, 3, 4, dtype=dtype), "negative.1": drawn(44, 2, 4, dtype=dtype)}
    labelled = {"features": drawn(49, 6, 4, dtype=dtype), "labels": torch.tensor([3, 1, 3, 2, 1, 3])}
    return {
        "info_nce": computed("infoNce", {}, {**_pair("query", "key", dtype, 41), **negatives}, oracle.info_nce),
        "clip": computed("clip", {"logitScale": 2.0}, _pair("image", "text", dtype, 45), oracle.clip, scale=2.0),
        "siglip": computed("siglip", {"logitScale": 2.0, "logitBias": -1.0}, _pair("image", "text", dtype, 47), oracle.siglip,
                           scale=2.0, bias=-1.0),
        "sup_con": computed("supCon", {}, labelled, oracle.sup_con),
        "dcl": computed("dcl", {}, _pair("out_1", "out_2", dtype, 51), oracle.dcl),
        "vicreg": computed("vicreg", {}, _pair("z_1", "z_2", dtype, 53, rows=8), oracle.vicreg),
        "barlow_twins": computed("barlowTwins", {}, _pair("z_1", "z_2", dtype, 55, rows=8), oracle.barlow_twins),
    }


def all_cases() -> list[dict]:
    return [case(f"{loss}_{dtype.lower()}", f"{loss} in {dtype}", [made])
            for dtype in FLOATS for loss, made in _messages(dtype).items()]
