// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The back end that computes through LibTorch, on the processor or on CUDA devices. LibTorch is not linked: the first
// such back end of a process loads a module, which lies beside the executable or in ../lib/lossd: liblossd_aten.so, or
// liblossd_cuda.so for CUDA.

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

// Where modules and LibTorch are looked for.
struct ModulePlaces {
  // Folders of modules; the first that has the file counts.
  std::vector<std::string> folders;
  // Folder of the LibTorch that the module for CUDA runs on, unless one lies beside the module (--libtorch). Empty: the
  // one it was built with.
  std::string libtorch;
};

// The executable's folder, and lib/lossd beside that.
std::vector<std::string> AtenModuleFolders();

// A back end on `devices`: "aten-cpu", "cuda" or "cuda:N", or several of the last, separated by commas. NOT_FOUND, in
// one line that says which of module, LibTorch, driver and card is missing; INVALID_ARGUMENT naming the option that is
// out of range. Loads libraries: call it before threads matter.
absl::StatusOr<std::unique_ptr<LossBackend>> CreateAtenBackend(const BackendOptions& options, absl::string_view devices,
                                                               const ModulePlaces& places = {AtenModuleFolders(), ""});

}  // namespace lossd

#endif  // LOSSD_CORE_ATEN_BACKEND_H_
