# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Configurations of the losses, as `lossd.v1.LossSpec` messages. None means the server's default; meaning and limits of
every argument are those of proto/lossd/v1/losses.proto."""

from __future__ import annotations

from typing import Iterable, Sequence

from lossd._numbers import number
from lossd.v1 import losses_pb2


def _given(**fields) -> dict:
    """The fields that are not None. TypeError for tensors whose gradient would be lost."""
    return {name: number(name, value) if hasattr(value, "requires_grad") else value
            for name, value in fields.items() if value is not None}


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
    loss_weights = [number(f"loss_weights[{k}]", weight) for k, weight in enumerate(loss_weights)]
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


def nt_xent(temperature: float | None = None, *, normalize: bool | None = None) -> losses_pb2.LossSpec:
    """SimCLR's loss. Inputs `out_1`, `out_2` [N, D]; output `loss` []."""
    return losses_pb2.LossSpec(nt_xent=losses_pb2.NtXent(**_given(temperature=temperature, normalize=normalize)))


def info_nce(temperature: float | None = None, *, normalize: bool | None = None, symmetric: bool | None = None,
             label_smoothing: float | None = None, margin: float | None = None,
             relative_margin: bool = False) -> losses_pb2.LossSpec:
    """InfoNCE. Inputs `query`, `key` [N, D], optionally `negative.0` ... [M, D]; with a `margin`, which takes out false
    negatives, optionally `guide.query`, `guide.key` [N, G], `guide.negative.0` ... Outputs `loss`, `accuracy` []."""
    false_negatives = None
    if margin is not None:
        rules = losses_pb2.FalseNegatives
        rule = rules.MARGIN_STRATEGY_RELATIVE if relative_margin else rules.MARGIN_STRATEGY_ABSOLUTE
        false_negatives = rules(margin_strategy=rule, margin=number("margin", margin))
    elif relative_margin:
        raise ValueError("relative_margin: expected a margin too, got none")
    return losses_pb2.LossSpec(info_nce=losses_pb2.InfoNce(
        **_given(temperature=temperature, normalize=normalize, symmetric=symmetric, label_smoothing=label_smoothing,
                 false_negatives=false_negatives)))


def clip(*, normalize: bool | None = None, logit_scale: float | None = None,
         logit_bias: float | None = None) -> losses_pb2.LossSpec:
    """CLIP's loss. Inputs `image`, `text` [N, D], optionally `logit_scale`, `logit_bias` [] instead of the numbers.
    Outputs `loss`, `accuracy` []."""
    fields = _given(normalize=normalize, logit_scale=logit_scale, logit_bias=logit_bias)
    return losses_pb2.LossSpec(clip=losses_pb2.Clip(**fields))


def siglip(*, normalize: bool | None = None, logit_scale: float | None = None,
           logit_bias: float | None = None) -> losses_pb2.LossSpec:
    """SigLIP's loss. Inputs as of `clip`; output `loss` []."""
    fields = _given(normalize=normalize, logit_scale=logit_scale, logit_bias=logit_bias)
    return losses_pb2.LossSpec(siglip=losses_pb2.SigLip(**fields))


def sup_con(temperature: float | None = None, *, normalize: bool | None = None) -> losses_pb2.LossSpec:
    """The supervised contrastive loss. Inputs `features` [N, D], `labels` int32 or int64 [N]; output `loss` []."""
    return losses_pb2.LossSpec(sup_con=losses_pb2.SupCon(**_given(temperature=temperature, normalize=normalize)))


def dcl(temperature: float | None = None, *, normalize: bool | None = None,
        weight_sigma: float | None = None) -> losses_pb2.LossSpec:
    """The decoupled contrastive loss, with `weight_sigma` the weighted one. Inputs `out_1`, `out_2` [N, D]; output
    `loss` []."""
    fields = _given(temperature=temperature, normalize=normalize, weight_sigma=weight_sigma)
    return losses_pb2.LossSpec(dcl=losses_pb2.Dcl(**fields))


def vicreg(*, invariance_weight: float | None = None, variance_weight: float | None = None,
           covariance_weight: float | None = None, eps: float | None = None) -> losses_pb2.LossSpec:
    """VICReg. Inputs `z_1`, `z_2` [N, D]; outputs `loss`, `invariance`, `variance`, `covariance` []."""
    fields = _given(invariance_weight=invariance_weight, variance_weight=variance_weight,
                    covariance_weight=covariance_weight, eps=eps)
    return losses_pb2.LossSpec(vicreg=losses_pb2.VicReg(**fields))


def barlow_twins(lambda_: float | None = None, *, eps: float | None = None) -> losses_pb2.LossSpec:
    """Barlow Twins. Inputs `z_1`, `z_2` [N, D]; outputs `loss`, `invariance`, `redundancy` []."""
    fields = _given(eps=eps) | ({} if lambda_ is None else {"lambda": number("lambda", lambda_)})
    return losses_pb2.LossSpec(barlow_twins=losses_pb2.BarlowTwins(**fields))


def squared_norm() -> losses_pb2.LossSpec:
    """Half the sum of squares of `x.0` ..., whose gradient is the input itself."""
    return losses_pb2.LossSpec(squared_norm=losses_pb2.SquaredNorm())
