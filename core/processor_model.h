// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Names the processor.

#ifndef LOSSD_CORE_PROCESSOR_MODEL_H_
#define LOSSD_CORE_PROCESSOR_MODEL_H_

#include <string>

namespace lossd {

// The processor's model as the kernel names it (/proc/cpuinfo, of the first one), "unknown processor" where it does
// not, as on most that are not x86. Reads a file at each call. Thread-safe.
std::string ProcessorModel();

}  // namespace lossd

#endif  // LOSSD_CORE_PROCESSOR_MODEL_H_
