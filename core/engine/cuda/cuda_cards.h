// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Which cards this machine has, and what is missing where it has none.

#ifndef LOSSD_CORE_ENGINE_CUDA_CUDA_CARDS_H_
#define LOSSD_CORE_ENGINE_CUDA_CUDA_CARDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lossd {

// The index of a device called "cuda" (0) or "cuda:N". Precondition: `name` is one of these.
int CardIndex(absl::string_view name);

// The model of card `index`, such as "NVIDIA H200, 140 GiB". NOT_FOUND, in one line, saying which is missing: the
// driver, a driver that is new enough, or the card. Thread-safe.
absl::StatusOr<std::string> FindCard(int index);

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_CUDA_CUDA_CARDS_H_
