// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads tensors from .safetensors files: eight bytes of length, a JSON header, elements in little endian and C order.

#ifndef LOSSD_CLIENT_NPY_SAFETENSORS_H_
#define LOSSD_CLIENT_NPY_SAFETENSORS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor/tensor.h"

namespace lossd {

// The names of the tensors in the file that `bytes` holds whole, sorted; of the file, not of each, is said whether it
// is well formed: INVALID_ARGUMENT if its header is not.
absl::StatusOr<std::vector<std::string>> ListSafetensors(absl::string_view bytes);

// The tensor `member`, called `name`. Element types: F64, F32, F16, BF16, I64, I32, U8. INVALID_ARGUMENT, text without
// file name, if the file is malformed, has no such tensor, or has it in another type. Copies the elements, once; throws
// std::bad_alloc if there is no memory. Parses the header at each call. Thread-safe.
absl::StatusOr<Tensor> ParseSafetensor(absl::string_view bytes, absl::string_view member, absl::string_view name);

}  // namespace lossd

#endif  // LOSSD_CLIENT_NPY_SAFETENSORS_H_
