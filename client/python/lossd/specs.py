# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Configurations of the losses, as `lossd.v1.LossSpec` messages. None means the server's default; meaning and limits of
every argument are those of proto/lossd/v1/losses.proto."""

from __future__ import annotations

import functools
from typing import Any, Iterable, Mapping, Sequence, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from lossd._numbers import flag, number, text, whole
from lossd.v1 import losses_pb2

_M = TypeVar("_M", bound=Message)

_int32 = functools.partial(whole, low=-(1 << 31), high=(1 << 31) - 1)
_CHECKS = {FieldDescriptor.CPPTYPE_BOOL: flag, FieldDescriptor.CPPTYPE_DOUBLE: number,
           FieldDescriptor.CPPTYPE_INT32: _int32, FieldDescriptor.CPPTYPE_STRING: text,
           FieldDescriptor.CPPTYPE_UINT64: functools.partial(whole, low=0, high=(1 << 64) - 1)}


def _made(kind: type[_M], arguments: Mapping[str, str] = {}, /, **fields: Any) -> _M:
    """A message of the fields that are not None. TypeError or ValueError for what a field cannot hold, and TypeError for
    tensors whose gradient would be lost; they name the field, or what `arguments` calls it."""
    known = kind.DESCRIPTOR.fields_by_name
    return kind(**{name: _CHECKS.get(known[name].cpp_type, _as_it_is)(arguments.get(name, name), value)
                   for name, value in fields.items() if value is not None})


def _as_it_is(_: str, value: Any) -> Any:
    return value


def _positions(positions: Iterable[int]) -> losses_pb2.Positions:
    try:
        values = list(positions)
    except TypeError:
        raise TypeError(f"positions: expected whole numbers, got {positions!r}") from None
    try:
        return losses_pb2.Positions(values=values)
    except (TypeError, ValueError):  # Which does not say where; looking at each of them beforehand would take longer.
        return losses_pb2.Positions(values=[_int32(f"positions[{k}]", value) for k, value in enumerate(values)])


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
        sampling = losses_pb2.Sampling(positions=_positions(positions))
    elif seed is not None or numpy_seed is not None:
        drawn = _made(losses_pb2.Seed, {"torch_seed": "seed"}, torch_seed=seed, numpy_seed=numpy_seed,
                      torch_skip=torch_skip, numpy_skip=numpy_skip)
        sampling = losses_pb2.Sampling(seed=drawn)
    message = _made(losses_pb2.FeatureMapContrastive, comparisons=comparisons, tclip=tclip, bidirectional=bidirectional,
                    regularizer_weight=regularizer_weight, regularizer_scale=regularizer_scale, sampling=sampling,
                    share_source_samples=share_source_samples)
    message.loss_weights.extend(number(f"loss_weights[{k}]", weight) for k, weight in enumerate(loss_weights))
    return losses_pb2.LossSpec(feature_map_contrastive=message)


def cpc(*, target_dim: int | None = None, embed_scale: float | None = None, init_seed: int | None = None,
        uniform_steps: bool = False) -> losses_pb2.LossSpec:
    """Contrastive predictive coding.

    Inputs `z` [B, C, H, W], H, W >= 3, and optionally all 44 `parameters.<state_dict name>`; without them the server
    initialises the parameters from `init_seed`, as the reference would. Outputs `loss` [], `step_losses` [H-2].
    `uniform_steps`: every prediction step weighs 1 instead of its number.
    """
    weighting = losses_pb2.Cpc.STEP_WEIGHTING_UNIFORM if uniform_steps else None
    return losses_pb2.LossSpec(cpc=_made(losses_pb2.Cpc, target_dim=target_dim, embed_scale=embed_scale,
                                         init_seed=init_seed, step_weighting=weighting))


def nt_xent(temperature: float | None = None, *, normalize: bool | None = None) -> losses_pb2.LossSpec:
    """SimCLR's loss. Inputs `out_1`, `out_2` [N, D]; output `loss` []."""
    return losses_pb2.LossSpec(nt_xent=_made(losses_pb2.NtXent, temperature=temperature, normalize=normalize))


_MARGIN_STRATEGIES = {"absolute": losses_pb2.FalseNegatives.MARGIN_STRATEGY_ABSOLUTE,
                      "relative": losses_pb2.FalseNegatives.MARGIN_STRATEGY_RELATIVE}


def _false_negatives(margin: float | None, strategy: str) -> losses_pb2.FalseNegatives | None:
    if text("margin_strategy", strategy) not in _MARGIN_STRATEGIES:
        raise ValueError(f"margin_strategy: expected 'absolute' or 'relative', got {strategy!r}")
    if margin is not None:
        return _made(losses_pb2.FalseNegatives, margin_strategy=_MARGIN_STRATEGIES[strategy], margin=margin)
    if strategy != "absolute":
        raise ValueError(f"margin_strategy: expected a margin beside {strategy!r}, got none")
    return None


def info_nce(temperature: float | None = None, *, normalize: bool | None = None, symmetric: bool | None = None,
             label_smoothing: float | None = None, margin: float | None = None,
             margin_strategy: str = "absolute") -> losses_pb2.LossSpec:
    """InfoNCE. Inputs `query`, `key` [N, D], optionally `negative.0` ... [M, D]; with a `margin`, which takes out false
    negatives ("absolute" or "relative"), optionally `guide.query`, `guide.key` [N, G], `guide.negative.0` ... Outputs
    `loss`, `accuracy` []."""
    return losses_pb2.LossSpec(info_nce=_made(
        losses_pb2.InfoNce, temperature=temperature, normalize=normalize, symmetric=symmetric,
        label_smoothing=label_smoothing, false_negatives=_false_negatives(margin, margin_strategy)))


def clip(*, normalize: bool | None = None, logit_scale: float | None = None,
         logit_bias: float | None = None) -> losses_pb2.LossSpec:
    """CLIP's loss. Inputs `image`, `text` [N, D], optionally `logit_scale`, `logit_bias` [] instead of the numbers.
    Outputs `loss`, `accuracy` []."""
    message = _made(losses_pb2.Clip, normalize=normalize, logit_scale=logit_scale, logit_bias=logit_bias)
    return losses_pb2.LossSpec(clip=message)


def siglip(*, normalize: bool | None = None, logit_scale: float | None = None,
           logit_bias: float | None = None) -> losses_pb2.LossSpec:
    """SigLIP's loss. Inputs as of `clip`; output `loss` []."""
    message = _made(losses_pb2.SigLip, normalize=normalize, logit_scale=logit_scale, logit_bias=logit_bias)
    return losses_pb2.LossSpec(siglip=message)


def sup_con(temperature: float | None = None, *, normalize: bool | None = None) -> losses_pb2.LossSpec:
    """The supervised contrastive loss. Inputs `features` [N, D], `labels` int32 or int64 [N]; output `loss` []."""
    return losses_pb2.LossSpec(sup_con=_made(losses_pb2.SupCon, temperature=temperature, normalize=normalize))


def dcl(temperature: float | None = None, *, normalize: bool | None = None,
        weight_sigma: float | None = None) -> losses_pb2.LossSpec:
    """The decoupled contrastive loss, with `weight_sigma` the weighted one. Inputs `out_1`, `out_2` [N, D]; output
    `loss` []."""
    message = _made(losses_pb2.Dcl, temperature=temperature, normalize=normalize, weight_sigma=weight_sigma)
    return losses_pb2.LossSpec(dcl=message)


def vicreg(*, invariance_weight: float | None = None, variance_weight: float | None = None,
           covariance_weight: float | None = None, eps: float | None = None) -> losses_pb2.LossSpec:
    """VICReg. Inputs `z_1`, `z_2` [N, D]; outputs `loss`, `invariance`, `variance`, `covariance` []."""
    return losses_pb2.LossSpec(vicreg=_made(losses_pb2.VicReg, invariance_weight=invariance_weight,
                                            variance_weight=variance_weight, covariance_weight=covariance_weight,
                                            eps=eps))


def barlow_twins(lambda_: float | None = None, *, eps: float | None = None) -> losses_pb2.LossSpec:
    """Barlow Twins. Inputs `z_1`, `z_2` [N, D]; outputs `loss`, `invariance`, `redundancy` []."""
    message = _made(losses_pb2.BarlowTwins, {"lambda": "lambda_"}, eps=eps, **{"lambda": lambda_})
    return losses_pb2.LossSpec(barlow_twins=message)


def squared_norm() -> losses_pb2.LossSpec:
    """Half the sum of squares of `x.0` ..., whose gradient is the input itself."""
    return losses_pb2.LossSpec(squared_norm=losses_pb2.SquaredNorm())
