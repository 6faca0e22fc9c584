// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/aten_backend.h"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/losses/aten/aten_module.h"
#include "core/processor_model.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

// The module's function. It stays loaded to the end of the process: LibTorch cannot be unloaded.
absl::StatusOr<AtenModuleFunction*> LoadModule(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const std::string path = absl::StrCat(folder, "/", kAtenModuleFile);
    std::error_code error;
    if (!std::filesystem::exists(path, error)) continue;
    void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (module == nullptr) return absl::NotFoundError(absl::StrCat("cannot load the module: ", dlerror()));
    void* function = dlsym(module, kAtenModuleFunction);
    if (function == nullptr) return absl::NotFoundError(absl::StrCat("not a module of lossd: ", path));
    return reinterpret_cast<AtenModuleFunction*>(function);
  }
  return absl::NotFoundError(
      absl::StrCat("the module ", kAtenModuleFile, " is not installed in ", absl::StrJoin(folders, " or ")));
}

DeviceDescription Describe(absl::string_view device) {
  const std::string description = absl::StartsWith(device, "cuda")
                                      ? "CUDA, through LibTorch"
                                      : absl::StrCat(ProcessorModel(), ", through LibTorch");
  return {.name = std::string(device), .description = description};
}

}  // namespace

std::vector<std::string> AtenModuleFolders() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  return {program.string(), (program.parent_path() / "lib" / "lossd").string()};
}

absl::StatusOr<std::unique_ptr<LossBackend>> CreateAtenBackend(const BackendOptions& options, absl::string_view device,
                                                               const std::vector<std::string>& folders) {
  LOSSD_ASSIGN_OR_RETURN(AtenModuleFunction* const make_losses, LoadModule(folders));
  absl::StatusOr<LossSet> losses = absl::UnknownError("not made");
  make_losses(std::string(device).c_str(), options.parameter_cache_bytes, &losses);
  if (!losses.ok()) return losses.status();
  return CreateScheduledBackend(options, *std::move(losses), Describe(device));
}

absl::StatusOr<std::unique_ptr<LossBackend>> CreateAtenBackend(const BackendOptions& options,
                                                               absl::string_view device) {
  return CreateAtenBackend(options, device, AtenModuleFolders());
}

}  // namespace lossd
