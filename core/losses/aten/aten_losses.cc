// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/aten_losses.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/engine/sweeps/host_sweeps.h"
#include "core/losses/aten/aten_operators.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// One thread a computation: computations run side by side on threads of our own.
void UseOneThread() {
  at::set_num_threads(1);
  // OpenBLAS keeps its own count. ATen links it or another BLAS: the symbol may be missing.
  using SetThreads = void (*)(int);
  if (const auto set_threads = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set_threads(1);
  }
}

absl::StatusOr<at::Device> FindDevice(absl::string_view name) {
  if (name == "aten-cpu") return at::Device(at::kCPU);
  if (!at::globalContext().hasCUDA()) return absl::NotFoundError("this LibTorch has no CUDA");
  try {
    const at::Device device{std::string(name)};
    at::zeros({1}, at::TensorOptions(at::kFloat).device(device)).cpu();
    return device;
  } catch (const c10::Error&) {
    return absl::NotFoundError(absl::StrCat("LibTorch cannot compute on ", name));
  }
}

struct AtenFactory {
  const aten::Target& target;
  int64_t parameter_cache_bytes;

  std::unique_ptr<Loss> operator()(const FeatureMapContrastiveConfig&) const {
    return MakeAtenFeatureMapContrastive(target);
  }
  std::unique_ptr<Loss> operator()(const CpcConfig&) const { return MakeAtenCpc(target, parameter_cache_bytes); }
  std::unique_ptr<Loss> operator()(const SquaredNormConfig&) const { return MakeAtenSquaredNorm(target); }
};

}  // namespace

absl::StatusOr<LossSet> MakeAtenLosses(absl::string_view device, const AtenLossesOptions& options) {
  UseOneThread();
  aten::Target target;
  LOSSD_ASSIGN_OR_RETURN(target.device, FindDevice(device));
  target.sweeps = options.sweeps != nullptr ? options.sweeps : std::make_shared<HostSweeps>();
  target.block_scores = options.block_scores;
  target.precision = options.precision;
  return MakeLosses(aten::MakeAtenOperators(target), AtenFactory{target, options.parameter_cache_bytes});
}

}  // namespace lossd
