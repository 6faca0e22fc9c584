// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The form of a line of the log.

#ifndef LOSSD_SERVER_LOG_LOG_LINE_H_
#define LOSSD_SERVER_LOG_LOG_LINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace lossd {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kJson, kText };

// "debug", "info", "warning", "error".
absl::string_view LogLevelName(LogLevel level);
// The level of that name, as --log_level takes it; kInfo for anything else.
LogLevel ParseLogLevel(absl::string_view text);

// A named value of a line. Never a payload, a token, or a whole message of a client. Owns its text.
struct LogField {
  absl::string_view key;  // Of static storage; a plain word.
  std::variant<std::string, int64_t, double, bool> value;
};

// Appends pieces to a text, many at a time: a line has some sixty, of a few bytes each. What it gathers is not in the
// text before it has kMaxRoom bytes or is destroyed. Not thread-safe.
class TextGatherer {
 public:
  static constexpr size_t kMaxRoom = 1024;

  // `text` is not owned and outlives this, whose destruction completes it.
  explicit TextGatherer(std::string& text) : text_(text) {}
  TextGatherer(const TextGatherer&) = delete;
  TextGatherer& operator=(const TextGatherer&) = delete;
  ~TextGatherer() { Flush(); }

  void Append(absl::string_view piece);

  // Where a piece of up to so many bytes, at most kMaxRoom, may be written; TakeUntil says where it ends, before
  // anything else is asked of this.
  char* Room(size_t bytes) {
    if (bytes > kMaxRoom - size_) Flush();
    return gathered_ + size_;
  }
  void TakeUntil(const char* end) { size_ = static_cast<size_t>(end - gathered_); }

 private:
  void Flush();

  std::string& text_;
  size_t size_ = 0;
  char gathered_[kMaxRoom];
};

// Appends one line to a text: {"time": RFC 3339 in UTC, "level", "message", then the fields}, or
// `time LEVEL message key=value ...`. Text that is not UTF-8 is mended; control characters are escaped. The line ends,
// with a line feed, when this is destroyed. Not thread-safe.
//
//    {"time":"2026-11-30T19:41:02.123456Z","level":"info","message":"call","code":"OK","seconds":0.0021}
//    2026-11-30T19:41:02.123456Z INFO call code=OK seconds=0.0021
class LogLine {
 public:
  // `text` is not owned and outlives this.
  LogLine(LogFormat format, absl::Time time, LogLevel level, absl::string_view message, std::string& text);
  LogLine(const LogLine&) = delete;
  LogLine& operator=(const LogLine&) = delete;
  ~LogLine();

  // Each adds a field behind those before; keys are not looked over, and must be plain words, each once. As JSON,
  // numbers are numbers, and one that is not finite is null.
  void Add(absl::string_view key, absl::string_view value);
  void Add(absl::string_view key, const char* value) { Add(key, absl::string_view(value)); }
  void Add(absl::string_view key, int64_t value);
  void Add(absl::string_view key, int value) { Add(key, int64_t{value}); }
  void Add(absl::string_view key, double value);          // In as few digits as tell it from all others.
  void Add(absl::string_view key, absl::Duration value);  // In seconds, to the nanosecond.
  void Add(absl::string_view key, bool value);
  void Add(const LogField& field);

 private:
  // Writes the key, and says where its value, of up to so many bytes, goes.
  char* OpenField(absl::string_view key, size_t room);
  void AddKey(absl::string_view key) { text_.TakeUntil(OpenField(key, 0)); }

  const LogFormat format_;
  TextGatherer text_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_LOG_LOG_LINE_H_
