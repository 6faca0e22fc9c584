# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
"""The losses of the libraries users know, each as a function of lossd's inputs by name (dots as underscores)."""

from __future__ import annotations

from typing import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

Loss = Callable[..., Tensor]


class _Sentences(torch.nn.Module):
    """Stands for an encoder: its "features" are embeddings."""

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": features["embedding"]}


def _guided_by_embeddings(temperature: float, strategy: str, margin: float) -> Loss:
    """GISTEmbedLoss as a function of embeddings and of the guide's."""
    from sentence_transformers.losses import GISTEmbedLoss

    loss = GISTEmbedLoss.__new__(GISTEmbedLoss)  # Its constructor wants tokenizers.
    torch.nn.Module.__init__(loss)
    loss.model, loss.guide = _Sentences(), _Sentences()
    loss.temperature, loss.margin_strategy, loss.margin = temperature, strategy, margin
    loss.similarity_fct = torch.nn.CosineSimilarity(dim=-1)
    loss.must_retokenize = False
    loss.contrast_anchors = loss.contrast_positives = False
    loss.gather_across_devices = False
    loss.cross_entropy_loss = torch.nn.CrossEntropyLoss()

    def of(embeddings: list[Tensor], guides: list[Tensor]) -> Tensor:
        loss.model.forward = lambda features: {"sentence_embedding": embeddings[features["input_ids"]]}
        loss.guide.forward = lambda features: {"sentence_embedding": guides[features["input_ids"]]}
        return loss([{"input_ids": i} for i in range(len(embeddings))], None)

    return of


class LIBRARIES:
    """One function a loss. Libraries are imported where they are used."""

    @staticmethod
    def ranking(scale: float, both_ways: bool = False) -> Loss:
        from sentence_transformers.losses import MultipleNegativesRankingLoss

        ways = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"} if both_ways else {}
        loss = MultipleNegativesRankingLoss(None, scale=scale, **ways)
        return lambda query, key, **negatives: loss.compute_loss_from_embeddings([query, key, *negatives.values()], None)

    @staticmethod
    def guided(temperature: float, strategy: str, margin: float, both_ways: bool = False) -> Loss:
        """Without guides the inputs are their own. Both ways: the mean of this and of keys against queries."""
        loss = _guided_by_embeddings(temperature, strategy, margin)

        def of(query: Tensor, key: Tensor, negative_0: Tensor, **guides: Tensor) -> Tensor:
            embeddings = [query, key, negative_0]
            similar = list(guides.values()) or [rows.detach() for rows in embeddings]
            rows = loss(embeddings, similar)
            return (rows + loss([key, query], [similar[1], similar[0]])) / 2 if both_ways else rows

        return of

    @staticmethod
    def cross_entropy(temperature: float, smoothing: float, symmetric: bool) -> Loss:
        """PyTorch's own, over cosines."""

        def of(query: Tensor, key: Tensor, **negatives: Tensor) -> Tensor:
            scores = normalize(query) @ normalize(torch.cat([key, *negatives.values()])).T / temperature
            labels = torch.arange(len(query))
            rows = cross_entropy(scores, labels, label_smoothing=smoothing)
            if not symmetric:
                return rows
            return (rows + cross_entropy(scores[:, :len(query)].T, labels, label_smoothing=smoothing)) / 2

        return of

    @staticmethod
    def clip(unit_rows: bool = True) -> Loss:
        from open_clip.loss import ClipLoss

        loss = ClipLoss()
        prepare = (lambda rows: rows) if unit_rows else normalize
        return lambda image, text, *scale, **more: loss(prepare(image), prepare(text), *scale, **more)

    @staticmethod
    def siglip() -> Loss:
        from open_clip.loss import SigLipLoss

        loss = SigLipLoss()
        return lambda image, text, logit_scale, logit_bias: loss(image, text, logit_scale, logit_bias)

    @staticmethod
    def nt_xent_of_lightly(temperature: float) -> Loss:
        from lightly.loss import NTXentLoss

        loss = NTXentLoss(temperature=temperature)
        return lambda out_1, out_2: loss(out_1, out_2)

    @staticmethod
    def nt_xent_of_metric_learning(temperature: float) -> Loss:
        from pytorch_metric_learning.losses import NTXentLoss

        loss = NTXentLoss(temperature=temperature)

        def of(out_1: Tensor, out_2: Tensor) -> Tensor:
            labels = torch.arange(len(out_1))
            return loss(torch.cat([out_1, out_2]), torch.cat([labels, labels]))

        return of

    @staticmethod
    def sup_con(temperature: float) -> Loss:
        from pytorch_metric_learning.losses import SupConLoss

        loss = SupConLoss(temperature=temperature)
        return lambda features, labels: loss(features, labels)

    @staticmethod
    def dcl(temperature: float) -> Loss:
        from lightly.loss import DCLLoss

        loss = DCLLoss(temperature=temperature)
        return lambda out_1, out_2: loss(out_1, out_2)

    @staticmethod
    def weighted_dcl(temperature: float, sigma: float) -> Loss:
        from lightly.loss import DCLWLoss

        loss = DCLWLoss(temperature=temperature, sigma=sigma)
        return lambda out_1, out_2: loss(out_1, out_2)

    @staticmethod
    def vicreg() -> Loss:
        from lightly.loss import VICRegLoss

        loss = VICRegLoss()
        return lambda z_1, z_2: loss(z_1, z_2)

    @staticmethod
    def barlow_twins(weight: float) -> Loss:
        from lightly.loss import BarlowTwinsLoss

        loss = BarlowTwinsLoss(lambda_param=weight)
        return lambda z_1, z_2: loss(z_1, z_2)
