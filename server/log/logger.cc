// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/log/logger.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace lossd {
namespace {

constexpr size_t kEntryBytes = 512;  // About, of an entry without long texts.

}  // namespace

// What waits to be written, and the work of the thread that writes it.
class Logger::Writer {
 public:
  Writer(LogFormat format, Sink sink, Clock& clock) : format_(format), sink_(std::move(sink)), clock_(clock) {}

  void Add(absl::Time time, LogLevel level, absl::string_view message, AddFields fields, size_t bytes);
  void WriteUntilStopped();
  void Stop();
  // Whether everything was written by `deadline`.
  bool AwaitEnd(absl::Time deadline);

 private:
  struct Entry {
    absl::Time time;
    LogLevel level;
    std::string message;
    AddFields fields;
  };

  void Wake(bool much);
  bool AwaitWork();
  std::string Lines(std::vector<Entry> entries, int64_t dropped) const;
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(wake_mu_) { return stopped_ || has_work_; }
  bool HasMuchWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(wake_mu_) { return stopped_ || has_much_work_; }

  const LogFormat format_;
  const Sink sink_;
  Clock& clock_;
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
  bool ended_ ABSL_GUARDED_BY(wake_mu_) = false;
};

Logger::Logger(LogLevel least, LogFormat format, Sink sink, Clock& clock)
    : least_(least),
      clock_(clock),
      writer_(std::make_shared<Writer>(format, std::move(sink), clock)),
      thread_([writer = writer_] { writer->WriteUntilStopped(); }) {}

Logger::~Logger() {
  writer_->Stop();
  if (writer_->AwaitEnd(clock_.TimeNow() + kFarewell)) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

void Logger::Log(LogLevel level, absl::string_view message, const std::vector<LogField>& fields) {
  if (!enabled(level)) return;
  size_t bytes = message.size() + kEntryBytes;
  for (const LogField& field : fields) {
    if (const auto* const text = std::get_if<std::string>(&field.value)) bytes += text->size();
  }
  const auto add_fields = [fields](LogLine& line) {
    for (const LogField& field : fields) line.Add(field);
  };
  writer_->Add(clock_.TimeNow(), level, message, add_fields, bytes);
}

void Logger::LogLater(absl::Time time, LogLevel level, absl::string_view message, AddFields fields) {
  if (enabled(level)) writer_->Add(time, level, message, std::move(fields), kEntryBytes);
}

void Logger::Writer::Add(absl::Time time, LogLevel level, absl::string_view message, AddFields fields, size_t bytes) {
  Entry entry{time, level, std::string(message), std::move(fields)};
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

void Logger::Writer::Wake(bool much) {
  absl::MutexLock lock(&wake_mu_);
  has_work_ = true;
  has_much_work_ |= much;
}

void Logger::Writer::Stop() {
  absl::MutexLock lock(&wake_mu_);
  stopped_ = true;
}

bool Logger::Writer::AwaitEnd(absl::Time deadline) {
  absl::MutexLock lock(&wake_mu_);
  return clock_.AwaitWithDeadline(&wake_mu_, absl::Condition(&ended_), deadline);
}

void Logger::Writer::WriteUntilStopped() {
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
  absl::MutexLock lock(&wake_mu_);
  ended_ = true;
}

// Whether the logger was stopped. Lines that come from here on until they are taken may wake the writer once in vain.
bool Logger::Writer::AwaitWork() {
  absl::MutexLock lock(&wake_mu_);
  wake_mu_.Await(absl::Condition(this, &Writer::HasWork));
  clock_.AwaitWithDeadline(&wake_mu_, absl::Condition(this, &Writer::HasMuchWork), clock_.TimeNow() + kMaxDelay);
  has_work_ = false;
  has_much_work_ = false;
  return stopped_;
}

std::string Logger::Writer::Lines(std::vector<Entry> entries, int64_t dropped) const {
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

void WriteToStderr(absl::string_view lines) { WriteToStderrWithin(absl::InfiniteDuration(), lines); }

void WriteToStderrWithin(absl::Duration patience, absl::string_view lines) {
  const absl::Time deadline = RealClock().TimeNow() + patience;
  while (!lines.empty()) {
    pollfd stderr_fd{.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
    // Less than nothing would be for ever.
    const absl::Duration left =
        std::clamp(deadline - RealClock().TimeNow(), absl::ZeroDuration(), absl::Duration(absl::Hours(1)));
    const int ready = poll(&stderr_fd, 1, static_cast<int>(absl::ToInt64Milliseconds(left)));
    if (ready == 0 && left < absl::Hours(1)) return;
    if (ready <= 0) continue;
    // A pipe that has room has it for so many bytes at once: writing them waits for nobody.
    const ssize_t written = write(STDERR_FILENO, lines.data(), std::min<size_t>(lines.size(), PIPE_BUF));
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (written <= 0) return;
    lines.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace lossd
