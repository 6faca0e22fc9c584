// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log_line.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lossd {
namespace {

constexpr absl::string_view kLevelNames[] = {"debug", "info", "warning", "error"};

// RFC 3339 with microseconds. Most lines are of the same second as the one before.
void AppendTime(absl::Time time, std::string& text) {
  thread_local int64_t last_second = INT64_MIN;
  thread_local std::string last_text;
  const int64_t second = absl::ToUnixSeconds(time);
  if (second != last_second) {
    last_text = absl::FormatTime("%Y-%m-%dT%H:%M:%S.", absl::FromUnixSeconds(second), absl::UTCTimeZone());
    last_second = second;
  }
  const int64_t micros = absl::ToInt64Microseconds(time - absl::FromUnixSeconds(second));
  absl::StrAppend(&text, last_text, absl::Dec(micros, absl::kZeroPad6), "Z");
}

// Plain text, which nearly all is, goes as it is.
void AppendJson(absl::string_view value, std::string& text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::all_of(value.begin(), value.end(), is_plain)) {
    absl::StrAppend(&text, "\"", value, "\"");
  } else {
    text += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

// Quoted where it is not one plain word.
void AppendWord(absl::string_view value, std::string& text) {
  const auto is_plain = [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"'; };
  if (std::all_of(value.begin(), value.end(), is_plain)) {
    absl::StrAppend(&text, value);
  } else {
    absl::StrAppend(&text, "\"", absl::CHexEscape(value), "\"");
  }
}

void AppendNumber(double value, std::string& text) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  text.append(digits, end);
}

}  // namespace

absl::string_view LogLevelName(LogLevel level) { return kLevelNames[static_cast<int>(level)]; }

LogLevel ParseLogLevel(absl::string_view text) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kWarning, LogLevel::kError}) {
    if (text == LogLevelName(level)) return level;
  }
  return LogLevel::kInfo;
}

LogLine::LogLine(LogFormat format, absl::Time time, LogLevel level, absl::string_view message, std::string& text)
    : format_(format), text_(text) {
  if (format_ == LogFormat::kJson) {
    text_ += "{\"time\":\"";
    AppendTime(time, text_);
    absl::StrAppend(&text_, "\",\"level\":\"", LogLevelName(level), "\",\"message\":");
    AppendJson(message, text_);
  } else {
    AppendTime(time, text_);
    absl::StrAppend(&text_, " ", absl::AsciiStrToUpper(LogLevelName(level)), " ", absl::CHexEscape(message));
  }
}

LogLine::~LogLine() { text_ += format_ == LogFormat::kJson ? "}\n" : "\n"; }

void LogLine::AddKey(absl::string_view key) {
  if (format_ == LogFormat::kJson) {
    absl::StrAppend(&text_, ",\"", key, "\":");
  } else {
    absl::StrAppend(&text_, " ", key, "=");
  }
}

void LogLine::Add(absl::string_view key, absl::string_view value) {
  AddKey(key);
  format_ == LogFormat::kJson ? AppendJson(value, text_) : AppendWord(value, text_);
}

void LogLine::Add(absl::string_view key, int64_t value) {
  AddKey(key);
  absl::StrAppend(&text_, value);
}

void LogLine::Add(absl::string_view key, double value) {
  AddKey(key);
  if (format_ == LogFormat::kJson && !std::isfinite(value)) {
    text_ += "null";  // JSON has no number for it.
  } else {
    AppendNumber(value, text_);
  }
}

void LogLine::Add(absl::string_view key, bool value) {
  AddKey(key);
  text_ += value ? "true" : "false";
}

void LogLine::Add(const LogField& field) {
  std::visit([&](const auto& value) { Add(field.key, value); }, field.value);
}

}  // namespace lossd
