// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Writes the log: one line an event.

#ifndef LOSSD_SERVER_LOG_LOGGER_H_
#define LOSSD_SERVER_LOG_LOGGER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"
#include "server/log/log_line.h"

namespace lossd {

// Hands lines to a thread of its own that formats and writes them, so that neither that work nor a slow reader of the
// log holds up a call. Where more than kMaxPendingBytes wait, lines are dropped and counted in a line of their own.
//
//    any thread: Log, LogLater -> what waits, in order -> the logger's thread: formats all of it -> sink
//                   |                                      '- kMaxDelay after the first, or once there are kManyBytes
//                   '- beyond kMaxPendingBytes: dropped
//
// Thread-safe. The destructor writes what waits; if the sink does not return within kFarewell, it leaves the rest, and
// the thread, to themselves: nothing waits for the log, the end of the process neither.
class Logger {
 public:
  static constexpr size_t kMaxPendingBytes = size_t{8} << 20;
  // Lines are gathered so long, or until there are so many bytes: a busy server need not wake a thread for each.
  static constexpr absl::Duration kMaxDelay = absl::Milliseconds(10);
  static constexpr size_t kManyBytes = size_t{64} << 10;
  static constexpr absl::Duration kFarewell = absl::Milliseconds(400);
  // Adds the fields of a line; called at most once, on the logger's thread.
  using AddFields = absl::AnyInvocable<void(LogLine& line) &&>;
  // Receives whole lines, ends included; called on the logger's thread only. One that does not return when the logger
  // goes must not use what goes before it does.
  using Sink = std::function<void(absl::string_view lines)>;

  // `clock` is not owned, and outlives the process where the sink may block.
  Logger(LogLevel least, LogFormat format, Sink sink, Clock& clock = RealClock());
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;
  ~Logger();

  // Whether a line of this level is written at all: for who would make its fields in vain.
  bool enabled(LogLevel level) const { return level >= least_; }
  // Hands over a line of now, with copies of `fields`, to be written behind those before. Takes a short lock and never
  // waits for the writer. Nothing where the level is not enabled.
  void Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields = {});
  // The same where the fields take time to make, and few bytes; of what happened at `time`. What `fields` holds lives
  // until the line is written, or dropped; nothing it refers to may go before that.
  void LogLater(absl::Time time, LogLevel level, absl::string_view message, AddFields fields);

 private:
  class Writer;

  const LogLevel least_;
  Clock& clock_;
  const std::shared_ptr<Writer> writer_;  // Shared with its thread, which may outlive this.
  std::thread thread_;
};

// Writes to stderr, however long a pipe's reader takes; what cannot be written is lost.
void WriteToStderr(absl::string_view lines);

// The same of a few last words, for which a reader has `patience` in all.
void WriteToStderrWithin(absl::Duration patience, absl::string_view lines);

}  // namespace lossd

#endif  // LOSSD_SERVER_LOG_LOGGER_H_
