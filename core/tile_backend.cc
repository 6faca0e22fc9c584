// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/tile_backend.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "core/losses/registry.h"
#include "core/processor_model.h"

namespace lossd {
namespace {

std::string Describe(const BackendOptions& options) {
  std::string text = ProcessorModel();
  if (options.gemm_precision == GemmPrecision::kBf16) {
    absl::StrAppend(&text, Bf16ProductsAreFaster() ? ", matrix products in bf16 where that is faster"
                                                   : ", matrix products in fp32: here bf16 is no faster");
  }
  if (!options.remark.empty()) absl::StrAppend(&text, ", ", options.remark);
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LossBackend>> CreateTileBackend(const TileBackendOptions& options) {
  BackendOptions taken = options;
  if (!Bf16ProductsAreFaster()) taken.gemm_precision = GemmPrecision::kFloat32;
  return CreateScheduledBackend(taken, MakeTileLosses(options.parameter_cache_bytes),
                                {.name = "cpu", .description = Describe(options)});
}

}  // namespace lossd
