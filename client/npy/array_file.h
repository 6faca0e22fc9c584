// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads a tensor from a file of any format that lossctl knows.

#ifndef LOSSD_CLIENT_NPY_ARRAY_FILE_H_
#define LOSSD_CLIENT_NPY_ARRAY_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor/tensor.h"

namespace lossd {

// Reads a tensor called `name` from `place`: a .npy file, or an archive (.npz, .safetensors) with or without ":member"
// behind it. Without, the member called `name` is taken, or the only one there is. What a file is is told by its first
// bytes, save .safetensors, by its name.
//
// Errors are those of ReadNpy and name the file; one about an archive's member lists those that it has.
absl::StatusOr<Tensor> ReadArray(const std::string& place, absl::string_view name);

}  // namespace lossd

#endif  // LOSSD_CLIENT_NPY_ARRAY_FILE_H_
