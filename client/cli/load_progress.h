// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Shows how a load test gets on.

#ifndef LOSSD_CLIENT_CLI_LOAD_PROGRESS_H_
#define LOSSD_CLIENT_CLI_LOAD_PROGRESS_H_

#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "client/load/level_runner.h"

namespace lossd::cli {

// On a terminal one line that is drawn over itself with every window and wiped in the end; elsewhere a line of its own
// at most every `interval`. Not thread-safe.
class LoadProgress {
 public:
  // `out` is not owned. `interval` <= 0: nothing where `out` is no terminal.
  LoadProgress(std::ostream& out, bool terminal, absl::Duration interval)
      : out_(out), terminal_(terminal), interval_(interval) {}
  LoadProgress(const LoadProgress&) = delete;
  LoadProgress& operator=(const LoadProgress&) = delete;
  ~LoadProgress();

  // `window` of `level` has been measured, and it is `now`. By one thread; takes no longer than writing a line.
  void Show(absl::Time now, const load::Level& level, const load::Window& window);

 private:
  std::ostream& out_;
  const bool terminal_;
  const absl::Duration interval_;
  std::optional<absl::Time> last_;  // When a line was written, or would first have been.
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOAD_PROGRESS_H_
