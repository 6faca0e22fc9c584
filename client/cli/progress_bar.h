// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Shows how far a long command is.

#ifndef LOSSD_CLIENT_CLI_PROGRESS_BAR_H_
#define LOSSD_CLIENT_CLI_PROGRESS_BAR_H_

#include <cstddef>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

namespace lossd::cli {

// One line that is drawn over itself; wiped when this is destroyed. Not thread-safe.
class ProgressBar {
 public:
  // Draws on `out` (not owned, a terminal, which outlives this), or nothing at all where that is null.
  ProgressBar(size_t total, std::ostream* out) : total_(total), out_(out) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  // `done` of the total are done; `label`, of which 40 bytes are shown, comes next.
  void Show(size_t done, absl::string_view label);

 private:
  const size_t total_;
  std::ostream* const out_;
  size_t drawn_ = 0;  // Width of the line on the screen.
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_PROGRESS_BAR_H_
