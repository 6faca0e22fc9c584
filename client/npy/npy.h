// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads and writes tensors as NumPy's .npy files.

#ifndef LOSSD_CLIENT_NPY_NPY_H_
#define LOSSD_CLIENT_NPY_NPY_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/tensor/tensor.h"

namespace lossd {

// Reads the .npy file at `path` into a tensor called `name`, aligned to kBufferAlignment. Arrays in Fortran order are
// brought into C order, big-endian elements into little endian. Formats and element types: see ParseNpyHeader. Never
// allocates more than the file holds.
//
// Every error names the file: NOT_FOUND if it does not exist, INVALID_ARGUMENT if it is not a regular, complete .npy
// file of a supported kind (also where bytes follow the elements), UNAVAILABLE if the system failed to read it.
absl::StatusOr<Tensor> ReadNpy(const std::string& path, absl::string_view name);

// The same from the bytes of a file; errors do not name one.
absl::StatusOr<Tensor> ParseNpy(absl::string_view bytes, absl::string_view name);

// Writes elements in C order as version 1.0, replacing the file if it exists. `elements` must hold ByteSize(spec)
// bytes. Fails with INVALID_ARGUMENT if it does not, and with the system's error, naming the file, if writing fails;
// what was written by then stays.
absl::Status WriteNpy(const std::string& path, const TensorSpec& spec, absl::Span<const std::byte> elements);

}  // namespace lossd

#endif  // LOSSD_CLIENT_NPY_NPY_H_
