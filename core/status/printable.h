// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What others say, fit for a terminal, a log and an error's text.

#ifndef LOSSD_CORE_STATUS_PRINTABLE_H_
#define LOSSD_CORE_STATUS_PRINTABLE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lossd {

// The text with control characters (also those above ASCII) and bytes that are not UTF-8 as \xNN, tab, line feed and
// carriage return as \t, \n, \r: a server's text must not move a cursor, set a title or make up lines.
std::string Printable(absl::string_view text);

}  // namespace lossd

#endif  // LOSSD_CORE_STATUS_PRINTABLE_H_
