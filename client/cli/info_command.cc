// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/info_command.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/text_table.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

using client::ServerInfo;

std::string DTypesText(const std::vector<DType>& dtypes) {
  return absl::StrJoin(dtypes, " ", [](std::string* out, DType dtype) { absl::StrAppend(out, DTypeName(dtype)); });
}

std::string InputsText(const std::vector<ServerInfo::Input>& inputs) {
  return absl::StrJoin(inputs, ", ", [](std::string* out, const ServerInfo::Input& input) {
    absl::StrAppend(out, input.name,
                    input.shape.empty() ? "" : absl::StrCat(" [", absl::StrJoin(input.shape, ", "), "]"),
                    input.optional ? " (optional)" : "");
  });
}

void PrintTables(const ServerInfo& info, std::ostream& out) {
  TextTable server({"property", "value"});
  server.AddRow({"version", info.version});
  server.AddRow({"revision", info.revision});
  for (const ServerInfo::Device& device : info.devices) {
    server.AddRow({"device", absl::StrCat(device.name, ", ", device.description,
                                          device.threads > 0 ? absl::StrCat(", ", device.threads, " threads") : "")});
  }
  server.AddRow({"max_message_bytes", absl::StrCat(info.limits.max_message_bytes)});
  server.AddRow({"max_inflight_bytes", absl::StrCat(info.limits.max_inflight_bytes)});
  server.AddRow({"max_concurrent_calls", absl::StrCat(info.limits.max_concurrent_calls)});
  server.AddRow({"max_request_flops", NumberText(info.limits.max_request_flops)});
  server.Print(out);
  out << '\n';
  TextTable losses({"loss", "inputs", "outputs", "dtypes"});
  for (const ServerInfo::Loss& loss : info.losses) {
    losses.AddRow({loss.name, InputsText(loss.inputs), absl::StrJoin(loss.outputs, ", "), DTypesText(loss.dtypes)});
  }
  losses.Print(out);
}

nlohmann::json ToJson(const ServerInfo::Loss& loss) {
  nlohmann::json inputs = nlohmann::json::array();
  for (const ServerInfo::Input& input : loss.inputs) {
    inputs.push_back({{"name", input.name}, {"shape", input.shape}, {"optional", input.optional}});
  }
  nlohmann::json dtypes = nlohmann::json::array();
  for (const DType dtype : loss.dtypes) dtypes.push_back(std::string(DTypeName(dtype)));
  return {{"name", loss.name},
          {"description", loss.description},
          {"inputs", inputs},
          {"outputs", loss.outputs},
          {"dtypes", dtypes}};
}

nlohmann::json ToJson(const ServerInfo& info) {
  nlohmann::json devices = nlohmann::json::array();
  for (const ServerInfo::Device& device : info.devices) {
    devices.push_back({{"name", device.name}, {"description", device.description}, {"threads", device.threads}});
  }
  nlohmann::json losses = nlohmann::json::array();
  for (const ServerInfo::Loss& loss : info.losses) losses.push_back(ToJson(loss));
  return {{"version", info.version},
          {"revision", info.revision},
          {"devices", devices},
          {"losses", losses},
          {"limits",
           {{"max_message_bytes", info.limits.max_message_bytes},
            {"max_inflight_bytes", info.limits.max_inflight_bytes},
            {"max_concurrent_calls", info.limits.max_concurrent_calls},
            {"max_request_flops", info.limits.max_request_flops}}}};
}

}  // namespace

CLI::App* InfoCommand::Declare(CLI::App& app) {
  CLI::App* const command = app.add_subcommand("info", "Show what a server is and can do");
  command->add_flag("--json", json_, "Print JSON instead of tables");
  connection_.Declare(*command);
  return command;
}

absl::StatusOr<int> InfoCommand::Run(const Streams& streams) {
  LOSSD_ASSIGN_OR_RETURN(const auto client, connection_.Connect());
  const absl::StatusOr<ServerInfo> answer = client->GetServerInfo();
  if (absl::IsUnimplemented(answer.status())) {
    return absl::UnimplementedError(
        absl::StrCat(connection_.target(), ": no loss service there, perhaps another port of lossd"));
  }
  LOSSD_ASSIGN_OR_RETURN(const ServerInfo info, answer);
  if (json_) {
    streams.out << ToJson(info).dump(2) << '\n';
  } else {
    PrintTables(info, streams.out);
  }
  return kExitOk;
}

}  // namespace lossd::cli
