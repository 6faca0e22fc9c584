// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#ifndef LOSSD_TESTS_CORE_LOSSES_ATEN_MODULE_DOOR_H_
#define LOSSD_TESTS_CORE_LOSSES_ATEN_MODULE_DOOR_H_

#include <dlfcn.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/losses/aten/aten_module.h"

namespace lossd::testing {

// What the module `file` of this build makes for `device`, in a process that does not link LibTorch.
inline absl::StatusOr<DeviceLosses> MakeLosses(const char* file, const char* device) {
  const char* folder = std::getenv("LOSSD_BIN_DIR");
  const std::string path = std::string(folder == nullptr ? "." : folder) + "/" + file;
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return absl::UnavailableError(dlerror());
  auto* make = reinterpret_cast<AtenModuleFunction*>(dlsym(module, kAtenModuleFunction));
  absl::StatusOr<std::vector<DeviceLosses>> losses = absl::UnknownError("not made");
  make({device}, {}, &losses);
  if (!losses.ok()) return losses.status();
  return std::move(losses->front());
}

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_ATEN_MODULE_DOOR_H_
