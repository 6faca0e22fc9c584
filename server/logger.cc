// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/logger.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lossd {
namespace {

constexpr size_t kEntryBytes = 512;  // About, of an entry without long texts.
constexpr absl::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

absl::string_view LevelName(LogLevel level) { return kLevelNames[static_cast<int>(level)]; }

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone()); }

// Plain text, which nearly all is, goes as it is.
void AppendJson(const std::string& text, std::string& line) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::all_of(text.begin(), text.end(), is_plain)) {
    absl::StrAppend(&line, "\"", text, "\"");
  } else {
    line += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}
void AppendJson(bool value, std::string& line) { line += value ? "true" : "false"; }
void AppendJson(int64_t value, std::string& line) { absl::StrAppend(&line, value); }
void AppendJson(double value, std::string& line) { line += nlohmann::json(value).dump(); }

std::string JsonLine(absl::Time time, LogLevel level, absl::string_view message, const std::vector<LogField>& fields) {
  std::string line =
      absl::StrCat("{\"time\":\"", TimeText(time), "\",\"level\":\"", LevelName(level), "\",\"message\":");
  AppendJson(std::string(message), line);
  for (const LogField& field : fields) {
    line += ',';
    AppendJson(field.key, line);
    line += ':';
    std::visit([&](const auto& value) { AppendJson(value, line); }, field.value);
  }
  line += '}';
  return line;
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
  size_t bytes = message.size() + kEntryBytes;
  for (const LogField& field : fields) {
    if (const auto* const text = std::get_if<std::string>(&field.value)) bytes += text->size();
  }
  Add({clock_.TimeNow(), level, std::string(message), [fields] { return fields; }}, bytes);
}

void Logger::LogLater(LogLevel level, absl::string_view message, MakeFields fields) {
  if (enabled(level)) Add({clock_.TimeNow(), level, std::string(message), std::move(fields)}, kEntryBytes);
}

void Logger::Add(Entry entry, size_t bytes) {
  absl::MutexLock lock(&mu_);
  if (pending_bytes_ + bytes >= kMaxPendingBytes) {
    ++dropped_;
    return;
  }
  pending_.push_back(std::move(entry));
  pending_bytes_ += bytes;
}

void Logger::WriteUntilStopped() {
  for (bool stopped = false; !stopped;) {
    std::vector<Entry> entries;
    int64_t dropped = 0;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(this, &Logger::HasWork));
      clock_.AwaitWithDeadline(&mu_, absl::Condition(this, &Logger::HasMuchWork), clock_.TimeNow() + kMaxDelay);
      entries.swap(pending_);
      pending_bytes_ = 0;
      dropped = std::exchange(dropped_, 0);
      stopped = stopped_;
    }
    const std::string lines = Lines(std::move(entries), dropped);
    if (!lines.empty()) sink_(lines);
  }
}

std::string Logger::Lines(std::vector<Entry> entries, int64_t dropped) const {
  std::string lines;
  if (dropped > 0) {
    const LogField count{"lines", dropped};
    lines = LogLine(format_, clock_.TimeNow(), LogLevel::kWarning, "log lines dropped", {count}) + "\n";
  }
  for (Entry& entry : entries) {
    lines += LogLine(format_, entry.time, entry.level, entry.message, std::move(entry.fields)());
    lines += '\n';
  }
  return lines;
}

void WriteToStderr(absl::string_view lines) {
  while (!lines.empty()) {
    const ssize_t written = write(STDERR_FILENO, lines.data(), lines.size());
    if (written <= 0) return;
    lines.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace lossd
