// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/logger.h"

#include <unistd.h>

#include <utility>

namespace lossd {
namespace {

constexpr size_t kEntryBytes = 512;  // About, of an entry without long texts.

}  // namespace

Logger::Logger(LogLevel least, LogFormat format, Sink sink, Clock& clock)
    : least_(least), format_(format), sink_(std::move(sink)), clock_(clock), writer_([this] { WriteUntilStopped(); }) {}

Logger::~Logger() {
  {
    absl::MutexLock lock(&wake_mu_);
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
  Add({clock_.TimeNow(), level, std::string(message),
       [fields](LogLine& line) {
         for (const LogField& field : fields) line.Add(field);
       }},
      bytes);
}

void Logger::LogLater(absl::Time time, LogLevel level, absl::string_view message, AddFields fields) {
  if (enabled(level)) Add({time, level, std::string(message), std::move(fields)}, kEntryBytes);
}

void Logger::Add(Entry entry, size_t bytes) {
  bool first = false;
  bool makes_many = false;
  {
    absl::MutexLock lock(&mu_);
    if (pending_bytes_ + bytes >= kMaxPendingBytes) {
      ++dropped_;
      return;
    }
    first = pending_.empty();
    makes_many = pending_bytes_ < kManyBytes && pending_bytes_ + bytes >= kManyBytes;
    pending_.push_back(std::move(entry));
    pending_bytes_ += bytes;
  }
  if (first || makes_many) Wake(makes_many);
}

void Logger::Wake(bool much) {
  absl::MutexLock lock(&wake_mu_);
  has_work_ = true;
  has_much_work_ |= much;
}

void Logger::WriteUntilStopped() {
  for (bool stopped = false; !stopped;) {
    stopped = AwaitWork();
    std::vector<Entry> entries;
    int64_t dropped = 0;
    {
      absl::MutexLock lock(&mu_);
      entries.swap(pending_);
      pending_bytes_ = 0;
      dropped = std::exchange(dropped_, 0);
    }
    const std::string lines = Lines(std::move(entries), dropped);
    if (!lines.empty()) sink_(lines);
  }
}

// Whether the logger was stopped. Lines that come from here on until they are taken may wake the writer once in vain.
bool Logger::AwaitWork() {
  absl::MutexLock lock(&wake_mu_);
  wake_mu_.Await(absl::Condition(this, &Logger::HasWork));
  clock_.AwaitWithDeadline(&wake_mu_, absl::Condition(this, &Logger::HasMuchWork), clock_.TimeNow() + kMaxDelay);
  has_work_ = false;
  has_much_work_ = false;
  return stopped_;
}

std::string Logger::Lines(std::vector<Entry> entries, int64_t dropped) const {
  std::string lines;
  if (dropped > 0) {
    LogLine(format_, clock_.TimeNow(), LogLevel::kWarning, "log lines dropped", lines).Add("lines", dropped);
  }
  for (Entry& entry : entries) {
    LogLine line(format_, entry.time, entry.level, entry.message, lines);
    std::move(entry.fields)(line);
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
