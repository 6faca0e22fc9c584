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

// As absl::StrAppend, which fills what it then writes over.
void Append(absl::string_view value, std::string& text) { text.append(value.data(), value.size()); }

template <typename Number>
void AppendNumber(Number value, std::string& text) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  text.append(digits, end);
}

// `value` < 10^digits, with zeros before it.
template <size_t digits>
void AppendPadded(int64_t value, std::string& text) {
  char padded[digits];
  for (size_t i = digits; i > 0; --i, value /= 10) padded[i - 1] = static_cast<char>('0' + value % 10);
  text.append(padded, digits);
}

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
  text += last_text;
  AppendPadded<6>(micros, text);
  text += 'Z';
}

// Plain text, which nearly all is, goes as it is.
void AppendJson(absl::string_view value, std::string& text) {
  const auto is_plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::all_of(value.begin(), value.end(), is_plain)) {
    text += '"';
    Append(value, text);
    text += '"';
  } else {
    text += nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
}

// Quoted where it is not one plain word.
void AppendWord(absl::string_view value, std::string& text) {
  const auto is_plain = [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"'; };
  if (std::all_of(value.begin(), value.end(), is_plain)) {
    Append(value, text);
  } else {
    absl::StrAppend(&text, "\"", absl::CHexEscape(value), "\"");
  }
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
    text_ += ",\"";
    Append(key, text_);
    text_ += "\":";
  } else {
    text_ += ' ';
    Append(key, text_);
    text_ += '=';
  }
}

void LogLine::Add(absl::string_view key, absl::string_view value) {
  AddKey(key);
  format_ == LogFormat::kJson ? AppendJson(value, text_) : AppendWord(value, text_);
}

void LogLine::Add(absl::string_view key, int64_t value) {
  AddKey(key);
  AppendNumber(value, text_);
}

void LogLine::Add(absl::string_view key, double value) {
  AddKey(key);
  if (format_ == LogFormat::kJson && !std::isfinite(value)) {
    text_ += "null";  // JSON has no number for it.
  } else {
    AppendNumber(value, text_);
  }
}

void LogLine::Add(absl::string_view key, absl::Duration value) {
  constexpr int64_t kSecond = 1'000'000'000;
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(value);
  if (value < absl::ZeroDuration() || nanoseconds == INT64_MAX) return Add(key, absl::ToDoubleSeconds(value));
  AddKey(key);
  AppendNumber(nanoseconds / kSecond, text_);
  text_ += '.';
  AppendPadded<9>(nanoseconds % kSecond, text_);
  while (text_.back() == '0') text_.pop_back();
  if (text_.back() == '.') text_.pop_back();
}

void LogLine::Add(absl::string_view key, bool value) {
  AddKey(key);
  text_ += value ? "true" : "false";
}

void LogLine::Add(const LogField& field) {
  std::visit([&](const auto& value) { Add(field.key, value); }, field.value);
}

}  // namespace lossd
