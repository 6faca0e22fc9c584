// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What every bench's main does.

#ifndef LOSSD_TESTS_BENCH_BENCH_MAIN_H_
#define LOSSD_TESTS_BENCH_BENCH_MAIN_H_

#include <cstdio>
#include <string_view>

#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"

namespace lossd::bench {

// Parses Abseil's flags and returns what `run` does; or prints `usage`, a literal, where --help asks for it.
inline int BenchMain(int argc, char** argv, const char* usage, absl::FunctionRef<int()> run) {
  if (argc > 1 && std::string_view(argv[1]) == "--help") {  // Abseil's exits with 1.
    std::puts(usage);
    return 0;
  }
  absl::SetProgramUsageMessage(usage);
  absl::ParseCommandLine(argc, argv);
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // As in the server.
  return run();
}

}  // namespace lossd::bench

#endif  // LOSSD_TESTS_BENCH_BENCH_MAIN_H_
