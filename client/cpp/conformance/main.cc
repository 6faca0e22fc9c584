// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The runner: see tests/conformance/README.md.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "client/cpp/client.h"
#include "client/cpp/conformance/case_message.h"
#include "client/cpp/conformance/expectations.h"
#include "core/status/status_macros.h"

namespace lossd::conformance {
namespace {

using nlohmann::json;

std::string Text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

json Ask(const json& question) {
  std::cout << question.dump() << std::endl;
  std::string line;
  std::getline(std::cin, line);
  return json::parse(line);
}

absl::StatusOr<std::unique_ptr<Client>> Connect(const json& server, const json& settings, std::string token) {
  ClientOptions options;
  options.connect_timeout = absl::ZeroDuration();
  if (settings.contains("timeout_ms")) options.timeout = absl::Milliseconds(settings["timeout_ms"].get<int64_t>());
  if (settings.contains("max_message_bytes")) options.max_message_bytes = settings["max_message_bytes"].get<int64_t>();
  if (server.contains("ca")) options.tls = client::TlsOptions{Text(server["ca"]), "", ""};
  if (settings.value("token", "") == "none") token = "";
  if (settings.value("token", "") == "wrong") token = "wrong-token";
  options.auth_token = std::move(token);
  return Client::Connect(server["target"], options);
}

absl::Status RunCompute(Client& client, const json& described) {
  LOSSD_ASSIGN_OR_RETURN(const CaseMessage message, MakeMessage(described["messages"][0]));
  if (!described["client"].contains("cancel_after_ms")) return Check(client.Compute(message.Request()), message);
  absl::Notification done;
  absl::StatusOr<client::ComputeResponse> result;
  client::CallHandle call = client.ComputeAsync(message.Request(), [&](absl::StatusOr<client::ComputeResponse> got) {
    result = std::move(got);
    done.Notify();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(described["client"]["cancel_after_ms"].get<int>()));
  call.Cancel();
  done.WaitForNotification();
  return Check(result, message);
}

absl::Status RunStream(Client& client, const json& described) {
  std::vector<CaseMessage> messages;
  for (const json& each : described["messages"]) {
    LOSSD_ASSIGN_OR_RETURN(CaseMessage message, MakeMessage(each));
    messages.push_back(std::move(message));
  }
  std::vector<absl::Status> verdicts(messages.size(), absl::UnknownError("expected an answer, got none"));
  const auto stream = client.OpenStream();
  for (size_t i = 0; i < messages.size(); ++i) {
    stream->Send(messages[i].Request(),
                 [&, i](const absl::StatusOr<client::ComputeResponse>& got) { verdicts[i] = Check(got, messages[i]); });
  }
  LOSSD_RETURN_IF_ERROR(stream->Finish());
  for (const absl::Status& verdict : verdicts) LOSSD_RETURN_IF_ERROR(verdict);
  return absl::OkStatus();
}

absl::Status RunInfo(Client& client, const json& described) {
  LOSSD_ASSIGN_OR_RETURN(const client::ServerInfo info, client.GetServerInfo());
  std::set<std::string> losses;
  for (const auto& loss : info.losses) losses.insert(loss.name);
  for (const json& name : described["expect"]["info"]["losses"]) {
    if (losses.count(name) == 0) return absl::UnknownError(absl::StrCat("expected the loss ", name.dump()));
  }
  const std::map<std::string, double> limits = {
      {"max_message_bytes", static_cast<double>(info.limits.max_message_bytes)},
      {"max_inflight_bytes", static_cast<double>(info.limits.max_inflight_bytes)},
      {"max_concurrent_calls", static_cast<double>(info.limits.max_concurrent_calls)},
      {"max_request_flops", info.limits.max_request_flops}};
  for (const auto& [name, value] : described["expect"]["info"]["limits"].items()) {
    if (limits.at(name) != value.get<double>())
      return absl::UnknownError(absl::StrCat(name, ": expected ", value.dump()));
  }
  if (client.max_message_bytes() == info.limits.max_message_bytes) return absl::OkStatus();
  return absl::UnknownError(
      absl::StrCat("expected the client to take the server's limit, got ", client.max_message_bytes()));
}

absl::Status RunRestart(Client& client, const json& described) {
  LOSSD_ASSIGN_OR_RETURN(const CaseMessage message, MakeMessage(described["messages"][0]));
  const json& settings = described["client"];
  std::atomic<int> next{0}, answered{0};
  absl::Mutex mu;
  absl::Status verdict;
  const auto work = [&] {
    while (next.fetch_add(1) < settings["calls"].get<int>()) {
      client::ComputeRequest request = message.Request();
      request.request_id.clear();
      const absl::Status checked = Check(client.Compute(std::move(request)), message);
      {
        absl::MutexLock lock(&mu);
        verdict.Update(checked);
      }
      if (answered.fetch_add(1) + 1 == settings["restart_after"].get<int>()) {
        Ask({{"ask", "restart"}, {"server", described["server"]}});
      }
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < settings["concurrency"].get<int>(); ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  return verdict;
}

absl::Status RunRotate(Client& client, const json& described, json& server) {
  LOSSD_ASSIGN_OR_RETURN(const CaseMessage message, MakeMessage(described["messages"][0]));
  LOSSD_RETURN_IF_ERROR(client.Compute(message.Request()).status());
  server["token"] = Ask({{"ask", "rotate_token"}, {"server", described["server"]}})["token"];
  LOSSD_RETURN_IF_ERROR(Check(client.Compute(message.Request()), message));
  LOSSD_ASSIGN_OR_RETURN(const auto renewed, Connect(server, described["client"], server["token"]));
  return renewed->Compute(message.Request()).status();
}

absl::Status RunCase(const json& described, json& server) {
  if (described["client"].contains("compression")) return absl::UnimplementedError("the client cannot compress");
  LOSSD_ASSIGN_OR_RETURN(const auto client, Connect(server, described["client"], server.value("token", "")));
  const std::string kind = described["kind"];
  if (kind == "compute") return RunCompute(*client, described);
  if (kind == "stream") return RunStream(*client, described);
  if (kind == "info") return RunInfo(*client, described);
  if (kind == "restart") return RunRestart(*client, described);
  if (kind == "rotate") return RunRotate(*client, described, server);
  return absl::UnimplementedError(absl::StrCat("kind: ", kind));
}

int Main(const std::string& plan_path) {
  json plan = json::parse(Text(plan_path));
  std::vector<std::string> names = plan.value("only", std::vector<std::string>());
  const std::filesystem::path folder = plan["cases"].get<std::string>();
  if (!plan.contains("only")) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
  }
  for (const std::string& name : names) {
    const json described = json::parse(Text((folder / (name + ".json")).string()));
    const auto start = std::chrono::steady_clock::now();
    const absl::Status verdict = RunCase(described, plan["servers"][described["server"].get<std::string>()]);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const char* const word = verdict.ok() ? "pass" : absl::IsUnimplemented(verdict) ? "skip" : "fail";
    std::cout << json({{"case", name},
                       {"verdict", word},
                       {"text", std::string(verdict.message())},
                       {"seconds", seconds.count()}})
                     .dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace lossd::conformance

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: cpp_conformance PLAN\n";
    return 2;
  }
  return lossd::conformance::Main(argv[1]);
}
