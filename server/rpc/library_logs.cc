// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/library_logs.h"

#include <grpc/support/log.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "core/scheduling/clock.h"
#include "google/protobuf/stubs/logging.h"
#include "server/connections/last_peer.h"
#include "server/log/log_limiter.h"

namespace lossd {
namespace {

// How often they may say something.
struct Limits {
  LogLimiter grpc{LibraryLogs::kBurst, absl::Seconds(1)};
  LogLimiter protobuf{LibraryLogs::kBurst, absl::Seconds(1)};
};

// What the hooks, which take no argument, write to. Lives on: threads of gRPC, which nobody joins, may be inside a hook
// when it is taken away.
struct Target {
  absl::Mutex mu;
  Logger* logger ABSL_GUARDED_BY(mu) = nullptr;  // Null: nobody listens.
  std::unique_ptr<Limits> limits ABSL_GUARDED_BY(mu);
};

Target& TheTarget() {
  static auto* const target = new Target();
  return *target;
}

// What gRPC says of a connection without saying of whose.
bool IsOfAPeer(absl::string_view text) { return absl::StartsWith(text, "Handshake failed"); }

void Listen(Logger* logger) {
  absl::MutexLock lock(&TheTarget().mu);
  TheTarget().logger = logger;
  TheTarget().limits = std::make_unique<Limits>();
}

void Write(LogLimiter Limits::*limiter, LogLevel level, absl::string_view library, std::string text, std::string file,
           int line) {
  Target& target = TheTarget();
  absl::MutexLock lock(&target.mu);  // Nothing waits under it: a logger takes lines and returns.
  if (target.logger == nullptr || !target.logger->enabled(level)) return;
  const std::optional<int64_t> held_back =
      limiter == nullptr ? 0 : ((*target.limits).*limiter).Admit(RealClock().TimeNow());
  if (!held_back.has_value()) return;
  std::vector<LogField> fields = {
      {"text", text}, {"file", std::move(file)}, {"line", int64_t{line}}, {"held_back", *held_back}};
  if (IsOfAPeer(text)) fields.push_back({"peer", LastPeer()});
  target.logger->Log(level, library, fields);
}

// What is said of a call that is refused before it is handed over.
bool IsOfARefusedCall(absl::string_view text) {
  return absl::StartsWith(text, "Compression algorithm ") && absl::EndsWith(text, " is disabled.");
}

// What closing the listeners at shutdown makes gRPC say, and cutting a connection over TLS, which has a line of its own
// (ConnectionTap).
bool IsExpected(absl::string_view text) {
  return text == "Failed accept4: Invalid argument" || text == "SSL_read failed with error SSL_ERROR_SYSCALL." ||
         text == "Decryption error: TSI_PROTOCOL_FAILURE";
}

void WriteForGrpc(gpr_log_func_args* args) {
  if (IsOfARefusedCall(args->message)) NoteRefusedCall();
  const bool warns = args->severity == GPR_LOG_SEVERITY_ERROR && !IsExpected(args->message);
  Write(warns ? &Limits::grpc : nullptr, warns ? LogLevel::kWarning : LogLevel::kDebug, "grpc", args->message,
        args->file, args->line);
}

void WriteForProtobuf(google::protobuf::LogLevel severity, const char* file, int line, const std::string& text) {
  const bool fatal = severity == google::protobuf::LOGLEVEL_FATAL;
  Write(&Limits::protobuf, fatal ? LogLevel::kError : LogLevel::kDebug, "protobuf", text, file, line);
}

}  // namespace

LibraryLogs::LibraryLogs(Logger& logger) {
  Listen(&logger);
  google::protobuf::SetLogHandler(WriteForProtobuf);
  gpr_set_log_function(WriteForGrpc);
}

LibraryLogs::~LibraryLogs() { Listen(nullptr); }

}  // namespace lossd
