// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The back end that computes through LibTorch, on the processor or on a CUDA device. LibTorch is not linked: the first
// such back end of a process loads the module liblossd_aten.so, which lies beside the executable or in ../lib/lossd.

#ifndef LOSSD_CORE_ATEN_BACKEND_H_
#define LOSSD_CORE_ATEN_BACKEND_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/loss_backend.h"
#include "core/scheduled_backend.h"

namespace lossd {

// A back end on `device`: "aten-cpu", "cuda" or "cuda:N". NOT_FOUND, in one line, where the module or the device is
// missing; INVALID_ARGUMENT naming the option that is out of range. Loads libraries: call it before threads matter.
absl::StatusOr<std::unique_ptr<LossBackend>> CreateAtenBackend(const BackendOptions& options, absl::string_view device);

// As above, with the module taken from the first of `folders` that has it.
absl::StatusOr<std::unique_ptr<LossBackend>> CreateAtenBackend(const BackendOptions& options, absl::string_view device,
                                                               const std::vector<std::string>& folders);

// Where the module is looked for: the executable's folder, and lib/lossd beside that.
std::vector<std::string> AtenModuleFolders();

}  // namespace lossd

#endif  // LOSSD_CORE_ATEN_BACKEND_H_
