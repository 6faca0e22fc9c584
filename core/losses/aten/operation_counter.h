// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Counts what a computation asks ATen for, and launches besides.

#ifndef LOSSD_CORE_LOSSES_ATEN_OPERATION_COUNTER_H_
#define LOSSD_CORE_LOSSES_ATEN_OPERATION_COUNTER_H_

#include <ATen/record_function.h>

#include <cstdint>
#include <map>
#include <string>

namespace lossd::aten {

// Counts the operations of the thread that makes it, from then until it is destroyed, on that thread. Counters may be
// nested, each sees all.
class OperationCounter {
 public:
  OperationCounter();
  OperationCounter(const OperationCounter&) = delete;
  OperationCounter& operator=(const OperationCounter&) = delete;
  ~OperationCounter();

  // Operations that consist of no others and touch elements, products of groups whatever these consist of, and what
  // CountLaunch was told: on a device each is one launch, or a few.
  int64_t launches() const;
  // Operations that make the host wait for a device: values that it looks at, tensors moved to it or from it.
  int64_t synchronizations() const;
  // How often each of these was called, by name.
  const std::map<std::string, int64_t>& by_name() const { return by_name_; }

 private:
  friend struct Observation;
  friend void CountLaunch(const char* name);

  std::map<std::string, int64_t> by_name_;  // Without operations that consist of others, but for what waits.
  at::CallbackHandle handle_ = 0;           // Of a thread's outermost counter.
};

// Counts a launch that is none of ATen's, by the calling thread's counters.
void CountLaunch(const char* name);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_OPERATION_COUNTER_H_
