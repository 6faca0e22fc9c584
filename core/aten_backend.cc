// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/aten_backend.h"

#include <dlfcn.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/devices_backend.h"
#include "core/losses/aten/aten_module.h"
#include "core/processor_model.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr char kLibTorch[] = "libtorch_cuda.so";  // Loads the rest of it.

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

absl::StatusOr<std::string> FindModule(absl::string_view file, const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    std::string path = absl::StrCat(folder, "/", file);
    if (Exists(path)) return path;
  }
  return absl::NotFoundError(
      absl::StrCat("no module: ", file, " is not installed in ", absl::StrJoin(folders, " or ")));
}

// The loader takes a library that is loaded already for the one that a module links.
absl::Status LoadLibTorch(const std::string& module, const std::string& libtorch) {
  if (libtorch.empty() || Exists(std::filesystem::path(module).parent_path() / kLibTorch)) return absl::OkStatus();
  if (dlopen(absl::StrCat(libtorch, "/", kLibTorch).c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("no LibTorch with CUDA in --libtorch=", libtorch, ": ", dlerror()));
}

// The module's function. It stays loaded to the end of the process: LibTorch cannot be unloaded.
absl::StatusOr<AtenModuleFunction*> LoadModule(absl::string_view file, const ModulePlaces& places) {
  LOSSD_ASSIGN_OR_RETURN(const std::string path, FindModule(file, places.folders));
  if (file == kCudaModuleFile) LOSSD_RETURN_IF_ERROR(LoadLibTorch(path, places.libtorch));
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    const std::string reason = dlerror();
    const bool libtorch = absl::StartsWith(reason, "libtorch") || absl::StartsWith(reason, "libc10");
    return absl::NotFoundError(absl::StrCat(libtorch ? "no LibTorch: " : "cannot load the module: ", reason));
  }
  void* const function = dlsym(module, kAtenModuleFunction);
  if (function == nullptr) return absl::NotFoundError(absl::StrCat("not a module of lossd: ", path));
  return reinterpret_cast<AtenModuleFunction*>(function);
}

}  // namespace

std::vector<std::string> AtenModuleFolders() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  return {program.string(), (program.parent_path() / "lib" / "lossd").string()};
}

absl::StatusOr<std::unique_ptr<LossBackend>> CreateAtenBackend(const BackendOptions& options, absl::string_view devices,
                                                               const ModulePlaces& places) {
  const bool cuda = absl::StartsWith(devices, "cuda");
  LOSSD_ASSIGN_OR_RETURN(AtenModuleFunction* const make_losses,
                         LoadModule(cuda ? kCudaModuleFile : kAtenModuleFile, places));
  const std::vector<std::string> names = absl::StrSplit(devices, ',');
  absl::StatusOr<std::vector<DeviceLosses>> devices_losses = absl::UnknownError("not made");
  make_losses(names, {options.parameter_cache_bytes, options.device_memory_bytes, options.nvtx, options.gemm_precision},
              &devices_losses);
  LOSSD_ASSIGN_OR_RETURN(std::vector<DeviceLosses> made, std::move(devices_losses));
  BackendOptions shared = options;
  if (made.size() > 1 && made.front().lane != nullptr) {
    shared.pool =
        std::make_shared<BufferPool>(options.max_idle_buffer_bytes, made.front().lane->device().host_memory());
  }
  std::vector<std::unique_ptr<LossBackend>> backends;
  for (size_t i = 0; i < made.size(); ++i) {
    DeviceLosses& one = made[i];
    std::string description = cuda ? one.description : absl::StrCat(ProcessorModel(), ", ", one.description);
    LOSSD_ASSIGN_OR_RETURN(
        backends.emplace_back(),
        CreateScheduledBackend(shared, std::move(one.losses), {names[i], std::move(description)}, std::move(one.lane)));
  }
  if (backends.size() == 1) return std::move(backends.front());
  return CreateDevicesBackend(std::move(backends));
}

}  // namespace lossd
