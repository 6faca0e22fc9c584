// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads and writes the header of NumPy's .npy files: magic "\x93NUMPY", version, length, and a Python dict literal such
// as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, padded with blanks to a multiple of 64 bytes.

#ifndef LOSSD_CLIENT_NPY_NPY_HEADER_H_
#define LOSSD_CLIENT_NPY_NPY_HEADER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// Longest header that is read, in bytes, magic and version included. NumPy writes about a hundred.
inline constexpr size_t kMaxNpyHeaderBytes = 65536;

// What a header says about the elements behind it.
struct NpyHeader {
  DType dtype = DType::kUnspecified;
  bool fortran_order = false;
  bool big_endian = false;
  Shape shape;
  size_t data_offset = 0;  // Bytes before the first element.
};

// Parses a header of version 1, 2 or 3 at the front of `bytes`; it is enough to pass the first kMaxNpyHeaderBytes of a
// file. Element types: f2, f4, f8, i4, i8 of either byte order, u1, and for BFLOAT16, which NumPy lacks, V2 (as
// ml_dtypes saves it) or u2 (bit patterns). Fails with INVALID_ARGUMENT, text without file name, on everything else;
// the shape's product is checked for overflow.
absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes);

// A header of version 1 for C-ordered elements; BFLOAT16 becomes V2. Precondition: spec.dtype is specified, and the
// rank is at most 32, as in NumPy.
std::string FormatNpyHeader(const TensorSpec& spec);

}  // namespace lossd

#endif  // LOSSD_CLIENT_NPY_NPY_HEADER_H_
