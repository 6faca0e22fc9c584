// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Numbers as text that reads back the same.

#ifndef LOSSD_CORE_STATUS_NUMBER_TEXT_H_
#define LOSSD_CORE_STATUS_NUMBER_TEXT_H_

#include <string>

namespace lossd {

// `value` in as many significant digits as it takes to read it back (absl::SimpleAtod) to the bit, six at most where
// these do: "0.07", "100000", "1e+20", "0.1000001", "inf", "nan".
std::string RoundTripText(double value);

}  // namespace lossd

#endif  // LOSSD_CORE_STATUS_NUMBER_TEXT_H_
