// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/logger.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lossd {
namespace {

constexpr absl::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

absl::string_view LevelName(LogLevel level) { return kLevelNames[static_cast<int>(level)]; }

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()); }

std::string JsonLine(absl::Time time, LogLevel level, absl::string_view message, const std::vector<LogField>& fields) {
  nlohmann::ordered_json line;
  line["time"] = TimeText(time);
  line["level"] = std::string(LevelName(level));
  line["message"] = std::string(message);
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line[field.key] = value; }, field.value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// Quoted where it is not one plain word.
std::string ValueText(const std::string& value) {
  for (const char c : value) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '"') {
      return absl::StrCat("\"", absl::CHexEscape(value), "\"");
    }
  }
  return value;
}
std::string ValueText(bool value) { return value ? "true" : "false"; }
std::string ValueText(int64_t value) { return absl::StrCat(value); }
std::string ValueText(double value) { return absl::StrCat(value); }

std::string TextLine(absl::Time time, LogLevel level, absl::string_view message, const std::vector<LogField>& fields) {
  std::string line =
      absl::StrCat(TimeText(time), " ", absl::AsciiStrToUpper(LevelName(level)), " ", absl::CHexEscape(message));
  for (const LogField& field : fields) {
    absl::StrAppend(&line, " ", field.key, "=",
                    std::visit([](const auto& value) { return ValueText(value); }, field.value));
  }
  return line;
}

}  // namespace

std::string LogLine(LogFormat format, absl::Time time, LogLevel level, absl::string_view message,
                    const std::vector<LogField>& fields) {
  return format == LogFormat::kJson ? JsonLine(time, level, message, fields) : TextLine(time, level, message, fields);
}

LogLevel ParseLogLevel(absl::string_view text) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kWarning, LogLevel::kError}) {
    if (text == LevelName(level)) return level;
  }
  return LogLevel::kInfo;
}

Logger::Logger(LogLevel least, LogFormat format, Sink sink, Clock& clock)
    : least_(least), format_(format), sink_(std::move(sink)), clock_(clock), writer_([this] { WriteUntilStopped(); }) {}

Logger::~Logger() {
  {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
  }
  writer_.join();
}

void Logger::Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields) {
  if (!enabled(level)) return;
  const std::string line = LogLine(format_, clock_.TimeNow(), level, message, fields);
  absl::MutexLock lock(&mu_);
  if (pending_.size() + line.size() >= kMaxPendingBytes) {
    ++dropped_;
    return;
  }
  absl::StrAppend(&pending_, line, "\n");
}

void Logger::WriteUntilStopped() {
  for (bool stopped = false; !stopped;) {
    std::string lines;
    int64_t dropped = 0;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(this, &Logger::HasWork));
      lines.swap(pending_);
      dropped = std::exchange(dropped_, 0);
      stopped = stopped_;
    }
    if (dropped > 0) {
      const LogField count{"lines", dropped};
      absl::StrAppend(&lines, LogLine(format_, clock_.TimeNow(), LogLevel::kWarning, "log lines dropped", {count}),
                      "\n");
    }
    if (!lines.empty()) sink_(lines);
  }
}

void WriteToStderr(absl::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = write(STDERR_FILENO, lines.data(), lines.size());
    if (written <= 0) return;
    lines.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace lossd
