// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses as grouped tensor operations on a device of LibTorch.

#ifndef LOSSD_CORE_LOSSES_ATEN_ATEN_LOSSES_H_
#define LOSSD_CORE_LOSSES_ATEN_ATEN_LOSSES_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/engine/sweeps/sweeps.h"
#include "core/losses/aten/target.h"
#include "core/losses/loss.h"
#include "core/losses/registry.h"

namespace lossd {

struct AtenLossesOptions {
  // Bounds what CPC keeps of seed-initialised parameters.
  int64_t parameter_cache_bytes = 0;
  // What sweeps there. Null: the host.
  std::shared_ptr<const Sweeps> sweeps = nullptr;
  // Scores of a group that are held at a time. Positive.
  int64_t block_scores = aten::kHostBlockScores;
  // As aten::Target's.
  GemmPrecision precision = GemmPrecision::kFloat32;
};

// All losses on `device`: "aten-cpu", "cuda" or "cuda:N". Lets ATen use one thread a computation, in the whole process.
// NOT_FOUND with the reason where LibTorch has no such device.
absl::StatusOr<LossSet> MakeAtenLosses(absl::string_view device, const AtenLossesOptions& options);

// Factories of the losses that are no operator's.
std::unique_ptr<Loss> MakeAtenFeatureMapContrastive(const aten::Target& target);
std::unique_ptr<Loss> MakeAtenCpc(const aten::Target& target, int64_t parameter_cache_bytes);
std::unique_ptr<Loss> MakeAtenSquaredNorm(const aten::Target& target);

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_ATEN_ATEN_LOSSES_H_
