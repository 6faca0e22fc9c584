// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Bounds what a message may hold outside its payloads.

#ifndef LOSSD_PROTO_WIRE_HEADER_BUDGET_H_
#define LOSSD_PROTO_WIRE_HEADER_BUDGET_H_

#include <cstdint>

#include "absl/status/status.h"

namespace lossd::wire {

// Counts the bytes of a message outside Tensor.data, for all of its decoders together: protobuf, whose parse takes some
// twenty times the memory, sees no more than that. One a message. Not thread-safe.
class HeaderBudget {
 public:
  // INVALID_ARGUMENT, of the field `message`, if the bytes charged so far, these included, are more than
  // kMaxHeaderBytes; once so, always. `bytes` >= 0.
  absl::Status Charge(int64_t bytes);

 private:
  int64_t charged_ = 0;
};

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_HEADER_BUDGET_H_
