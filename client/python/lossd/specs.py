# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Configurations of the losses, as `lossd.v1.LossSpec` messages. None means the server's default; meaning and limits of
every argument are those of proto/lossd/v1/losses.proto."""

from __future__ import annotations

from typing import Iterable, Sequence

from lossd.v1 import losses_pb2


def _given(**fields) -> dict:
    return {name: value for name, value in fields.items() if value is not None}


def feature_map_contrastive(comparisons: str | None = None, *, tclip: float | None = None,
                            bidirectional: bool | None = None, regularizer_weight: float | None = None,
                            regularizer_scale: float | None = None, loss_weights: Sequence[float] = (),
                            positions: Iterable[int] | None = None, seed: int | None = None,
                            numpy_seed: int | None = None, torch_skip: int | None = None,
                            numpy_skip: int | None = None,
                            share_source_samples: bool | None = None) -> losses_pb2.LossSpec:
    """AMDIM's contrastive loss between feature maps of two views.

    Inputs `anchor.0` ..., `positive.0` ..., each [B, C, H, W]. Outputs `losses` [K], `regularizer` [], `comparisons`
    [K, 2], `positions` [K, directions, B]. Source positions are given (`positions`, row-major [K, directions, B]),
    drawn as the reference would after `seed_everything(seed)`, or drawn by the server. `seed` seeds torch's stream, and
    numpy's unless `numpy_seed` does.
    """
    sampling = None
    if positions is not None:
        if seed is not None or numpy_seed is not None:
            raise ValueError("positions: expected either positions or a seed, got both")
        sampling = losses_pb2.Sampling(positions=losses_pb2.Positions(values=positions))
    elif seed is not None or numpy_seed is not None:
        drawn = _given(torch_seed=seed, numpy_seed=numpy_seed, torch_skip=torch_skip, numpy_skip=numpy_skip)
        sampling = losses_pb2.Sampling(seed=losses_pb2.Seed(**drawn))
    fields = _given(comparisons=comparisons, tclip=tclip, bidirectional=bidirectional,
                    regularizer_weight=regularizer_weight, regularizer_scale=regularizer_scale, sampling=sampling,
                    share_source_samples=share_source_samples)
    return losses_pb2.LossSpec(
        feature_map_contrastive=losses_pb2.FeatureMapContrastive(loss_weights=loss_weights, **fields))


def cpc(*, target_dim: int | None = None, embed_scale: float | None = None, init_seed: int | None = None,
        uniform_steps: bool = False) -> losses_pb2.LossSpec:
    """Contrastive predictive coding.

    Inputs `z` [B, C, H, W], H, W >= 3, and optionally all 44 `parameters.<state_dict name>`; without them the server
    initialises the parameters from `init_seed`, as the reference would. Outputs `loss` [], `step_losses` [H-2].
    `uniform_steps`: every prediction step weighs 1 instead of its number.
    """
    weighting = losses_pb2.Cpc.STEP_WEIGHTING_UNIFORM if uniform_steps else None
    fields = _given(target_dim=target_dim, embed_scale=embed_scale, init_seed=init_seed, step_weighting=weighting)
    return losses_pb2.LossSpec(cpc=losses_pb2.Cpc(**fields))


def nt_xent(temperature: float | None = None) -> losses_pb2.LossSpec:
    """SimCLR's loss. Inputs `out_1`, `out_2` [N, D]; output `loss` []."""
    return losses_pb2.LossSpec(nt_xent=losses_pb2.NtXent(**_given(temperature=temperature)))


def squared_norm() -> losses_pb2.LossSpec:
    """Half the sum of squares of `x.0` ..., whose gradient is the input itself."""
    return losses_pb2.LossSpec(squared_norm=losses_pb2.SquaredNorm())
