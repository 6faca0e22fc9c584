// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes the log: one line an event.

#ifndef LOSSD_SERVER_LOGGER_H_
#define LOSSD_SERVER_LOGGER_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"
#include "server/log_line.h"

namespace lossd {

// Hands lines to a thread of its own that formats and writes them, so that neither that work nor a slow reader of the
// log holds up a call. Where more than kMaxPendingBytes wait, lines are dropped and counted in a line of their own.
// Thread-safe. The destructor writes what waits.
class Logger {
 public:
  static constexpr size_t kMaxPendingBytes = size_t{8} << 20;
  // Lines are gathered so long, or until there are so many bytes: a busy server need not wake a thread for each.
  static constexpr absl::Duration kMaxDelay = absl::Milliseconds(10);
  static constexpr size_t kManyBytes = size_t{64} << 10;
  // Adds the fields of a line; called at most once, on the logger's thread.
  using AddFields = absl::AnyInvocable<void(LogLine& line) &&>;
  // Receives whole lines, ends included; called on the logger's thread only.
  using Sink = std::function<void(absl::string_view lines)>;

  Logger(LogLevel least, LogFormat format, Sink sink, Clock& clock = RealClock());
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  ~Logger();

  bool enabled(LogLevel level) const { return level >= least_; }
  void Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields = {});
  // The same where the fields take time to make, and few bytes; of what happened at `time`.
  void LogLater(absl::Time time, LogLevel level, absl::string_view message, AddFields fields);

 private:
  struct Entry {
    absl::Time time;
    LogLevel level;
    std::string message;
    AddFields fields;
  };

  void Add(Entry entry, size_t bytes);
  void Wake(bool much);
  void WriteUntilStopped();
  bool AwaitWork();
  std::string Lines(std::vector<Entry> entries, int64_t dropped) const;
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(wake_mu_) { return stopped_ || has_work_; }
  bool HasMuchWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(wake_mu_) { return stopped_ || has_much_work_; }

  const LogLevel least_;
  const LogFormat format_;
  const Sink sink_;
  Clock& clock_;  // Not owned; outlives this.
  absl::Mutex mu_;
  std::vector<Entry> pending_ ABSL_GUARDED_BY(mu_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // About.
  int64_t dropped_ ABSL_GUARDED_BY(mu_) = 0;
  // What the writer waits on. Not mu_: whoever gives back a mutex that is waited on has to look what for. Taken by the
  // first of the lines that are written together, and by the one that makes them many.
  absl::Mutex wake_mu_;
  bool has_work_ ABSL_GUARDED_BY(wake_mu_) = false;
  bool has_much_work_ ABSL_GUARDED_BY(wake_mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(wake_mu_) = false;
  std::thread writer_;
};

// Writes to stderr; what cannot be written is lost.
void WriteToStderr(absl::string_view lines);

}  // namespace lossd

#endif  // LOSSD_SERVER_LOGGER_H_
