// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/library_logs.h"

#include <grpc/support/log.h>

#include <optional>
#include <string>
#include <utility>

#include "core/scheduling/clock.h"
#include "server/log_limiter.h"

namespace lossd {
namespace {

// Both hooks take no argument.
struct Target {
  Logger& logger;
  LogLimiter grpc{LibraryLogs::kBurst, absl::Seconds(1)};
  LogLimiter protobuf{LibraryLogs::kBurst, absl::Seconds(1)};
};
Target* target = nullptr;

void Write(LogLimiter& limiter, LogLevel level, absl::string_view library, std::string text, std::string file,
           int line) {
  if (!target->logger.enabled(level)) return;
  const std::optional<int64_t> held_back = limiter.Admit(RealClock().TimeNow());
  if (!held_back.has_value()) return;
  target->logger.Log(
      level, library,
      {{"text", std::move(text)}, {"file", std::move(file)}, {"line", int64_t{line}}, {"held_back", *held_back}});
}

// What closing the listeners at shutdown makes gRPC say.
bool IsExpected(absl::string_view text) { return text == "Failed accept4: Invalid argument"; }

void WriteForGrpc(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR && !IsExpected(args->message)) {
    return Write(target->grpc, LogLevel::kWarning, "grpc", args->message, args->file, args->line);
  }
  target->logger.Log(LogLevel::kDebug, "grpc",
                     {{"text", args->message}, {"file", args->file}, {"line", int64_t{args->line}}});
}

void WriteForProtobuf(google::protobuf::LogLevel severity, const char* file, int line, const std::string& text) {
  const bool fatal = severity == google::protobuf::LOGLEVEL_FATAL;
  Write(target->protobuf, fatal ? LogLevel::kError : LogLevel::kDebug, "protobuf", text, file, line);
}

}  // namespace

LibraryLogs::LibraryLogs(Logger& logger) : protobuf_handler_(google::protobuf::SetLogHandler(nullptr)) {
  target = new Target{logger};
  google::protobuf::SetLogHandler(WriteForProtobuf);
  gpr_set_log_function(WriteForGrpc);
}

LibraryLogs::~LibraryLogs() {
  gpr_set_log_function(nullptr);
  google::protobuf::SetLogHandler(protobuf_handler_);
  delete target;
}

}  // namespace lossd
