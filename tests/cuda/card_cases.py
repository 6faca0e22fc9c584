# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""What the bench for a card measures, and what was asked of it."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    loss: str
    shape: tuple[int, ...]  # Of each input.
    precision: str  # Of --compute_precision; bf16 cases send 16-bit inputs.
    small: tuple[int, ...]  # The shape where the command itself is tried.
    flags: tuple[str, ...] = ()
    bound: str | None = None  # The case of card_bounds.
    goal_ms: float | None = None  # Of device time.
    goal_mb: float | None = None  # Of the card's memory, all that the server takes for it. Gets a server of its own.
    goal_times_eager: float | None = None  # Eager PyTorch's time over the device time.
    anchor: str = ""  # What others have measured, and where.

    @property
    def name(self) -> str:
        return f"{self.loss} {'x'.join(map(str, self.shape))} {self.precision}"


_MAPS = ("--comparisons", "00", "--maps", "1")

CASES = (
    Case("feature_map_contrastive", (200, 1280, 7, 7), "fp32", (6, 8, 3, 3), _MAPS, "AMDIM '00' (200,1280,7,7)", 1.2),
    Case("feature_map_contrastive", (200, 1280, 7, 7), "tf32", (6, 8, 3, 3), _MAPS),
    Case("feature_map_contrastive", (16, 64, 7, 7), "fp32", (4, 8, 2, 2), _MAPS, goal_times_eager=10),
    Case("cpc", (64, 512, 7, 7), "fp32", (2, 8, 4, 4), (), "CPC (64,512,7,7)"),
    Case("cpc", (64, 512, 7, 7), "tf32", (2, 8, 4, 4)),
    Case("nt_xent", (4096, 256), "fp32", (24, 16), (), "nt_xent 2 x 4096 x 256"),
    Case("nt_xent", (4096, 256), "tf32", (24, 16)),
    Case("nt_xent", (256, 128), "fp32", (16, 8), goal_times_eager=10),
    Case("info_nce", (4096, 256), "fp32", (24, 16), (), "info_nce 4096 x 256"),
    Case("clip", (65536, 512), "bf16", (24, 16), (), "clip 65536 x 512", 36, 1000,
         anchor="201 ms on an A100 (memeff 0.3.1)"),
    Case("siglip", (65536, 512), "bf16", (24, 16), (), "siglip 65536 x 512"),
    Case("siglip", (65536, 768), "bf16", (24, 24), (), "siglip 65536 x 768", 45,
         anchor="46.9 ms on a GH200 (siglip-kernel 0.1.2)"),
)
