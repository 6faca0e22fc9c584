// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/cuda_cards.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr char kDriver[] = "libcuda.so.1";

// As NVIDIA writes versions: 13000 is 13.0.
std::string VersionName(int version) { return absl::StrCat(version / 1000, ".", version % 1000 / 10); }

absl::Status FindDriver() {
  void* const driver = dlopen(kDriver, RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return absl::NotFoundError(absl::StrCat("no driver: ", kDriver, " is not on this machine"));
  dlclose(driver);
  return absl::OkStatus();
}

absl::StatusOr<int> CountCards() {
  int cards = 0;
  const cudaError_t error = cudaGetDeviceCount(&cards);
  if (error == cudaSuccess) return cards;
  cudaGetLastError();  // Leaves the error to nobody else.
  if (error == cudaErrorNoDevice) return 0;
  if (error == cudaErrorInsufficientDriver) {
    int version = 0;
    cudaDriverGetVersion(&version);
    return absl::NotFoundError(absl::StrCat("no driver that is new enough: expected one for CUDA ",
                                            VersionName(CUDART_VERSION), ", got one for ", VersionName(version)));
  }
  return absl::NotFoundError(absl::StrCat("the driver finds no card: ", cudaGetErrorString(error)));
}

}  // namespace

int CardIndex(absl::string_view name) {
  int index = 0;
  return absl::ConsumePrefix(&name, "cuda:") && absl::SimpleAtoi(name, &index) ? index : 0;
}

absl::StatusOr<std::string> FindCard(int index) {
  LOSSD_RETURN_IF_ERROR(FindDriver());
  LOSSD_ASSIGN_OR_RETURN(const int cards, CountCards());
  if (cards == 0) return absl::NotFoundError("no card: the driver sees none");
  if (index >= cards) {
    return absl::NotFoundError(absl::StrCat("no such card: expected one below cuda:", cards, ", got cuda:", index));
  }
  cudaDeviceProp properties{};
  const cudaError_t error = cudaGetDeviceProperties(&properties, index);
  if (error != cudaSuccess) {
    return absl::NotFoundError(absl::StrCat("the card cuda:", index, " does not answer: ", cudaGetErrorString(error)));
  }
  return absl::StrCat(properties.name, ", ", properties.totalGlobalMem >> 30, " GiB");
}

}  // namespace lossd
