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


class LIBRARIES:
    """One function a loss. Libraries are imported where they are used."""

    @staticmethod
    def ranking(scale: float) -> Loss:
        from sentence_transformers.losses import MultipleNegativesRankingLoss

        loss = MultipleNegativesRankingLoss(None, scale=scale)
        return lambda query, key, **negatives: loss.compute_loss_from_embeddings([query, key, *negatives.values()], None)

    @staticmethod
    def guided(temperature: float, strategy: str, margin: float) -> Loss:
        from sentence_transformers import util
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
        loss.util = util

        def of(query: Tensor, key: Tensor, negative_0: Tensor, guide_query: Tensor, guide_key: Tensor,
               guide_negative_0: Tensor) -> Tensor:
            embeddings, guides = [query, key, negative_0], [guide_query, guide_key, guide_negative_0]
            loss.model.forward = lambda features: {"sentence_embedding": embeddings[features["input_ids"]]}
            loss.guide.forward = lambda features: {"sentence_embedding": guides[features["input_ids"]]}
            return loss([{"input_ids": i} for i in range(3)], None)

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
        return lambda image, text, logit_scale: loss(prepare(image), prepare(text), logit_scale)

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
