// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Numbers as the formats of this folder have them.

#ifndef LOSSD_CLIENT_NPY_LITTLE_ENDIAN_H_
#define LOSSD_CLIENT_NPY_LITTLE_ENDIAN_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace lossd {

// The unsigned number in `size` bytes from `at` on, its lowest byte first. Preconditions: size <= 8, and `bytes` has
// them.
inline uint64_t LittleEndian(absl::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace lossd

#endif  // LOSSD_CLIENT_NPY_LITTLE_ENDIAN_H_
