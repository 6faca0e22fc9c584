# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Losses of pairs and labels for torch, computed by a lossd server: InfoNCE, CLIP, SigLIP, SupCon.

Names and arguments are those of info-nce-pytorch, open_clip and pytorch-metric-learning, where they mean the same.
"""

from __future__ import annotations

from typing import Sequence

import torch
from torch import Tensor

from lossd import specs
from lossd._module import RemoteLoss, one_process, refuse, tensors, unit
from lossd._numbers import flag, number
from lossd._temperature import as_temperature, split_temperature, times
from lossd.client import Client


class InfoNCE(RemoteLoss):
    """InfoNCE of queries and their keys [N, D]: the other keys, and all rows of `negatives`, are negatives.

    Args:
        temperature: a number, or a tensor that gets its gradient.
        reduction: only "mean".
        negative_mode: only "unpaired": every negative is one of every query's.
        normalize: whether rows are divided by their norm.
        symmetric: whether keys are also compared with all queries.
        label_smoothing: in [0, 1).
        margin: takes out negatives that are more similar than the positive's similarity less this; None: none.
        margin_strategy: "absolute", or "relative": the margin is a share of the positive's similarity.
    """

    def __init__(self, temperature: float | Tensor = 0.1, reduction: str = "mean", negative_mode: str = "unpaired", *,
                 normalize: bool = True, symmetric: bool = False, label_smoothing: float = 0.0, margin: float | None = None,
                 margin_strategy: str = "absolute", client: Client | None = None) -> None:
        super().__init__(client)
        refuse("reduction", reduction, "mean", "the server returns the mean")
        refuse("negative_mode", negative_mode, "unpaired", "every negative is one of every query's")
        self.temperature = as_temperature(temperature)
        self.normalize = flag("normalize", normalize)
        self._settings = {"symmetric": float(flag("symmetric", symmetric)),
                          "label_smoothing": number("label_smoothing", label_smoothing)}
        masks = specs.info_nce(margin=margin, margin_strategy=margin_strategy).info_nce
        if masks.HasField("false_negatives"):
            self._settings["false_negatives.margin_strategy"] = float(masks.false_negatives.margin_strategy)
            self._settings["false_negatives.margin"] = masks.false_negatives.margin

    def forward(self, query: Tensor, positive_key: Tensor, negative_keys: None = None, *,
                negatives: Tensor | Sequence[Tensor] = (), guides: Sequence[Tensor] = ()) -> Tensor:
        """`negatives`: [M, D], or several such. `guides`, with a margin: of queries, keys, and each of the negatives, whose
        similarities decide what is a false negative; they get no gradient. `negative_keys` is refused: info-nce-pytorch
        has them take the place of the other keys."""
        if negative_keys is not None:
            raise TypeError("negative_keys: expected None, got negatives that would take the place of the other keys; here "
                            "`negatives` are negatives beside them")
        others = [negatives] if isinstance(negatives, Tensor) else list(negatives)
        tensors(query=query, positive_key=positive_key, **{f"negatives[{j}]": other for j, other in enumerate(others)},
                **{f"guides[{j}]": guide for j, guide in enumerate(guides)})
        factor, fixed = split_temperature(self.temperature)
        rows = [query, positive_key, *others]
        if factor is not None and self.normalize:
            rows = [unit(row) for row in rows]
        rows[0] = times(rows[0], factor)
        names = ["query", "key", *(f"negative.{j}" for j in range(len(others)))]
        inputs = dict(zip(names, rows))
        if guides:
            if "false_negatives.margin" not in self._settings:
                raise ValueError("guides: expected a margin beside them, got none")
            if len(guides) != len(rows):
                raise ValueError(f"guides: expected {len(rows)}, as many as queries, keys and negatives, got {len(guides)}")
            inputs.update({f"guide.{name}": guide.detach() for name, guide in zip(names, guides)})
        settings = {"temperature": fixed, "normalize": float(self.normalize and factor is None), **self._settings}
        return self._compute("info_nce", settings, inputs)


class _ImageText(RemoteLoss):
    """A loss of image and text features [N, D], normalised by the caller."""

    _loss = ""

    def forward(self, image_features: Tensor, text_features: Tensor, logit_scale: float | Tensor,
                logit_bias: float | Tensor | None = None, output_dict: bool = False) -> Tensor | dict[str, Tensor]:
        """`logit_scale` multiplies scores (it is not its logarithm), `logit_bias` is added; tensors get their gradients."""
        tensors(image_features=image_features, text_features=text_features)
        inputs, settings = {"image": image_features, "text": text_features}, {"normalize": 0.0}
        for name, value in (("logit_scale", logit_scale), ("logit_bias", logit_bias)):
            if isinstance(value, Tensor):
                inputs[name] = value.to(image_features.device)
            elif value is not None or name == "logit_scale":
                settings[name] = number(name, value)
        if logit_bias is None:
            settings["logit_bias"] = 0.0
        loss = self._compute(self._loss, settings, inputs)
        return {"contrastive_loss": loss} if output_dict else loss


class ClipLoss(_ImageText):
    """CLIP's loss, as open_clip's in one process."""

    _loss = "clip"

    def __init__(self, local_loss: bool = False, gather_with_grad: bool = False, cache_labels: bool = False, rank: int = 0,
                 world_size: int = 1, use_horovod: bool = False, *, client: Client | None = None) -> None:
        super().__init__(client)
        one_process(local_loss=local_loss, gather_with_grad=gather_with_grad, rank=rank, world_size=world_size,
                    use_horovod=use_horovod)


class SigLipLoss(_ImageText):
    """SigLIP's loss, as open_clip's in one process."""

    _loss = "siglip"

    def __init__(self, cache_labels: bool = False, rank: int = 0, world_size: int = 1, dist_impl: str | None = None, *,
                 client: Client | None = None) -> None:
        super().__init__(client)
        one_process(rank=rank, world_size=world_size)


class SupConLoss(RemoteLoss):
    """The supervised contrastive loss of embeddings [N, D], which are normalised, and labels [N], whole numbers or bools,
    as pytorch-metric-learning's, save that a batch of one label alone has its loss and not 0."""

    def __init__(self, temperature: float | Tensor = 0.1, *, client: Client | None = None) -> None:
        super().__init__(client)
        self.temperature = as_temperature(temperature)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        tensors(embeddings=embeddings, labels=labels)
        root, fixed = split_temperature(self.temperature, 0.5)
        features = embeddings if root is None else times(unit(embeddings), root)
        return self._compute("sup_con", {"temperature": fixed, "normalize": float(root is None)},
                             {"features": features, "labels": _wide(labels)})


def _wide(labels: Tensor) -> Tensor:
    """Labels as the wire has them: whole numbers and bools. TypeError for others, which would be rounded into one
    another: 0.2 and 0.5 are two labels."""
    if labels.dtype in (torch.int32, torch.int64):
        return labels
    if labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"labels: expected whole numbers, got {labels.dtype}; torch.unique(labels, return_inverse=True)[1] "
                        f"numbers labels of other kinds")
    return labels.long()
