// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Holds DecodeRequest against stock protobuf on arbitrary bytes. The first byte is the size of the slices, less one.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/proto/wire/protobuf_oracle.h"
#include "tests/proto/wire/wire_bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string disagreement = lossd::wire::RequestDisagreement(lossd::wire::Cut(bytes, data[0] + size_t{1}));
  if (disagreement.empty()) return 0;
  std::fprintf(stderr, "differs from protobuf: %s\n", disagreement.c_str());
  std::abort();
}
