// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log/log_line.h"

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

constexpr size_t kNumberRoom = 32;

char* Write(absl::string_view value, char* next) { return std::copy(value.begin(), value.end(), next); }

// Writes `value` < 10^count as so many digits, with zeros before it.
char* WritePadded(int64_t value, size_t count, char* digits) {
  for (size_t i = count; i > 0; --i, value /= 10) digits[i - 1] = static_cast<char>('0' + value % 10);
  return digits + count;
}

// RFC 3339 with microseconds. Most lines are of the same second as the one before.
void AppendTime(absl::Time time, TextGatherer& text) {
  constexpr size_t kDigits = 6;
  thread_local int64_t last_second = INT64_MIN;
  thread_local std::string last_text;
  const int64_t second = absl::ToUnixSeconds(time);
  if (second != last_second) {
    last_text = absl::FormatTime("%Y-%m-%dT%H:%M:%S.", absl::FromUnixSeconds(second), absl::UTCTimeZone());
    last_second = second;
  }
  char* next = Write(last_text, text.Room(last_text.size() + kDigits + 1));
  next = WritePadded(absl::ToInt64Microseconds(time - absl::FromUnixSeconds(second)), kDigits, next);
  *next++ = 'Z';
  text.TakeUntil(next);
}

bool IsPlain(absl::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; });
}

std::string Json(absl::string_view value) {
  return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Quoted where it is not one plain word.
std::string Word(absl::string_view value) {
  const auto is_plain = [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '"'; };
  if (std::all_of(value.begin(), value.end(), is_plain)) return std::string(value);
  return absl::StrCat("\"", absl::CHexEscape(value), "\"");
}

}  // namespace

void TextGatherer::Append(absl::string_view piece) {
  if (piece.size() > kMaxRoom) {
    Flush();
    text_.append(piece.data(), piece.size());
  } else {
    TakeUntil(Write(piece, Room(piece.size())));
  }
}

void TextGatherer::Flush() {
  text_.append(gathered_, size_);
  size_ = 0;
}

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
    text_.Append("{\"time\":\"");
    AppendTime(time, text_);
    text_.Append("\"");
    Add("level", LogLevelName(level));
    Add("message", message);
  } else {
    AppendTime(time, text_);
    text_.Append(absl::StrCat(" ", absl::AsciiStrToUpper(LogLevelName(level)), " ", absl::CHexEscape(message)));
  }
}

LogLine::~LogLine() { text_.Append(format_ == LogFormat::kJson ? "}\n" : "\n"); }

char* LogLine::OpenField(absl::string_view key, size_t room) {
  constexpr size_t kAround = 4;
  char* next = text_.Room(key.size() + kAround + room);
  if (format_ == LogFormat::kJson) {
    *next++ = ',';
    *next++ = '"';
    next = Write(key, next);
    *next++ = '"';
    *next++ = ':';
  } else {
    *next++ = ' ';
    next = Write(key, next);
    *next++ = '=';
  }
  return next;
}

void LogLine::Add(absl::string_view key, absl::string_view value) {
  // Plain text, which nearly all is, goes as it is.
  constexpr size_t kMaxPlain = TextGatherer::kMaxRoom / 2;
  if (format_ == LogFormat::kJson && value.size() <= kMaxPlain && IsPlain(value)) {
    char* next = OpenField(key, value.size() + 2);
    *next++ = '"';
    next = Write(value, next);
    *next++ = '"';
    text_.TakeUntil(next);
  } else {
    AddKey(key);
    text_.Append(format_ == LogFormat::kJson ? Json(value) : Word(value));
  }
}

void LogLine::Add(absl::string_view key, int64_t value) {
  char* const next = OpenField(key, kNumberRoom);
  text_.TakeUntil(std::to_chars(next, next + kNumberRoom, value).ptr);
}

void LogLine::Add(absl::string_view key, double value) {
  char* const next = OpenField(key, kNumberRoom);
  if (format_ == LogFormat::kJson && !std::isfinite(value)) {
    text_.TakeUntil(Write("null", next));  // JSON has no number for it.
  } else {
    text_.TakeUntil(std::to_chars(next, next + kNumberRoom, value).ptr);
  }
}

void LogLine::Add(absl::string_view key, absl::Duration value) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr size_t kDigits = 9;
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(value);
  if (value < absl::ZeroDuration() || nanoseconds == INT64_MAX) return Add(key, absl::ToDoubleSeconds(value));
  char* next = OpenField(key, kNumberRoom);
  next = std::to_chars(next, next + kNumberRoom, nanoseconds / kSecond).ptr;
  if (nanoseconds % kSecond > 0) {
    *next++ = '.';
    next = WritePadded(nanoseconds % kSecond, kDigits, next);
    while (next[-1] == '0') --next;
  }
  text_.TakeUntil(next);
}

void LogLine::Add(absl::string_view key, bool value) {
  AddKey(key);
  text_.Append(value ? "true" : "false");
}

void LogLine::Add(const LogField& field) {
  std::visit([&](const auto& value) { Add(field.key, value); }, field.value);
}

}  // namespace lossd
