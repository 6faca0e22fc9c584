// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The process lossd.

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "core/process/build_info.h"
#include "server/backend_factory.h"
#include "server/loss_server.h"
#include "server/ops/healthcheck.h"
#include "server/ops/status_pages.h"
#include "server/process/last_resort.h"
#include "server/process/memory_trimmer.h"
#include "server/process/process_settings.h"
#include "server/process/stop_signals.h"
#include "server/rpc/library_logs.h"
#include "server/security/credential_files.h"
#include "server/settings/flag_parser.h"

namespace lossd {
namespace {

enum ExitCode { kClean = 0, kFailed = 1, kUsage = 2, kCannotBind = 3, kNoDevice = 4 };

constexpr absl::Duration kHealthcheckTimeout = absl::Seconds(3);

// What is left of a stop that takes longer than it may: less than the second that is promised.
constexpr absl::Duration kLastResort = absl::Milliseconds(700);

int Complain(ExitCode code, const absl::Status& status) {
  WriteToStderrWithin(absl::Seconds(1), absl::StrCat("lossd: ", status.message(), "\n"));
  return code;
}

// When a stop takes longer than it may, whatever it waits for: calls were cut off long before.
void EndNow() {
  WriteToStderrWithin(absl::Milliseconds(50),
                      "lossd: the stop took longer than --drain_delay and --shutdown_timeout\n");
  _exit(kClean);
}

Environment ReadEnvironment() {
  Environment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// A listener that runs out of file descriptors stops accepting for good.
absl::Status RaiseFileLimit() {
  constexpr rlim_t kLeast = 48;  // Half for listeners, queues and files, and as much for probes and a few clients.
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::OkStatus();
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kLeast) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("file descriptors: expected at least ", kLeast, ", got ", limit.rlim_max, "; see `ulimit -n`"));
}

// Those that serve, and those of gRPC and LibTorch, whose number they choose by the processors.
int64_t ThreadsNeeded(const ServerOptions& options) {
  constexpr int64_t kOthers = 24;
  return kOthers + options.threads + std::thread::hardware_concurrency();
}

void LogStart(const ServerOptions& options, const LossBackend& backend, const ServerAddresses& addresses,
              Logger& logger) {
  std::vector<std::string> devices;
  for (const DeviceDescription& device : backend.Devices()) {
    devices.push_back(absl::StrCat(device.name, " (", device.description, ", ", device.threads, " threads)"));
  }
  logger.Log(LogLevel::kInfo, "serving",
             {{"version", VersionText("lossd")},
              {"listen", absl::StrJoin(addresses.listen, ",")},
              {"admin_listen", absl::StrJoin(addresses.admin_listen, ",")},
              {"http_listen", absl::StrJoin(addresses.http_listen, ",")},
              {"tls", !options.tls_cert_file.empty()},
              {"client_certificates", !options.tls_client_ca_file.empty()},
              {"tokens", !options.auth_token_file.empty()},
              {"devices", absl::StrJoin(devices, ", ")},
              {"max_message_bytes", options.max_message_bytes},
              {"max_inflight_bytes", options.max_inflight_bytes}});
}

int Serve(const ServerOptions& options, std::unique_ptr<CredentialFiles> credentials) {
  StopSignals signals;
  for (const absl::Status& room : {RaiseFileLimit(), CheckThreads(ThreadsNeeded(options))}) {
    if (!room.ok()) return Complain(kFailed, room);
  }
  // Up to the end: also the log could be what does not come to one.
  LastResort last_resort(options.drain_delay + options.shutdown_timeout + kLastResort, EndNow);
  Logger logger(ParseLogLevel(options.log_level), options.log_format == "text" ? LogFormat::kText : LogFormat::kJson,
                WriteToStderr);
  const LibraryLogs library_logs(logger);
  Metrics metrics;
  const auto backend = MakeBackend(options, &metrics);
  if (!backend.ok()) return Complain(kNoDevice, backend.status());
  const MemoryTrimmer trimmer((*backend)->pool(), {HeapBytes, FreeHeapBytes, FreeHeapBeyond},
                              static_cast<size_t>(options.max_inflight_bytes));
  const auto server = LossServer::Start(options, std::move(credentials), **backend, metrics, logger, RealClock());
  if (!server.ok()) return Complain(absl::IsUnavailable(server.status()) ? kCannotBind : kFailed, server.status());
  LogStart(options, **backend, (*server)->addresses(), logger);
  const int64_t signal = signals.Wait([&] { (*server)->ReloadCredentials(); });
  signals.ExitOnNext();
  last_resort.Begin();
  logger.Log(LogLevel::kInfo, "stopping", {{"signal", signal}});
  const bool answered = (*server)->Shutdown();
  logger.Log(answered ? LogLevel::kInfo : LogLevel::kWarning, "stopped", {{"every_call_answered", answered}});
  return kClean;  // Also where clients that would not take their answers were cut off.
}

int Main(const std::vector<std::string>& arguments) {
  const absl::StatusOr<CommandLine> line = ParseFlags(arguments, ReadEnvironment());
  if (!line.ok()) return Complain(kUsage, line.status());
  const ServerOptions& options = line->options;
  const Action action = line->action();
  if (action == Action::kHelp) return std::fputs(HelpText().c_str(), stdout) < 0 ? kFailed : kClean;
  if (action == Action::kVersion) return std::puts(VersionText("lossd").c_str()) < 0 ? kFailed : kClean;
  const absl::Status valid = ValidateOptions(options);
  if (!valid.ok()) return Complain(kUsage, valid);
  if (action == Action::kHealthcheck) {
    const absl::Status health = CheckRunningServer(options, kHealthcheckTimeout);
    return health.ok() ? kClean : Complain(kFailed, health);
  }
  absl::StatusOr<std::unique_ptr<CredentialFiles>> credentials = CredentialFiles::Load(options);
  if (!credentials.ok()) return Complain(kUsage, credentials.status());
  if (action == Action::kValidateConfig) {
    const absl::Status current = (*credentials)->CheckExpiry();
    return current.ok() ? kClean : Complain(kUsage, current);
  }
  return Serve(options, *std::move(credentials));
}

}  // namespace
}  // namespace lossd

int main(int argc, char** argv) {
  lossd::ApplyProcessSettings();
  return lossd::Main(std::vector<std::string>(argv + 1, argv + argc));
}
