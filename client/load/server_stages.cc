// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/server_stages.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/load/socket_connection.h"
#include "core/status/status_macros.h"

namespace lossd::load {
namespace {

// The value of the label `stage` in `name{...stage="decode"...}`.
std::string StageOf(absl::string_view series) {
  const std::vector<absl::string_view> parts = absl::StrSplit(series, absl::MaxSplits("stage=\"", 1));
  if (parts.size() < 2) return "";
  return std::string(parts[1].substr(0, parts[1].find('"')));
}

// The first line of a response, fit to be shown.
std::string FirstLine(const std::string& response) {
  return absl::CHexEscape(absl::string_view(response).substr(0, std::min(response.find('\r'), size_t{80})));
}

}  // namespace

absl::StatusOr<std::string> MetricsUrl(absl::string_view url) {
  absl::string_view rest = url;
  const bool http = absl::ConsumePrefix(&rest, "http://");
  const absl::string_view host = rest.substr(0, rest.find('/'));
  const size_t colon = host.rfind(':');
  int port = 0;
  if (!http || colon == 0 || colon == absl::string_view::npos || !absl::SimpleAtoi(host.substr(colon + 1), &port)) {
    return absl::InvalidArgumentError(absl::StrCat("expected http://host:port/metrics, got '", url, "'"));
  }
  const absl::string_view path = rest.substr(host.size());
  return absl::StrCat("http://", host, path.size() <= 1 ? "/metrics" : path);
}

bool HasMetricsOfLossd(absl::string_view metrics) {
  return absl::StartsWith(metrics, "lossd_") || absl::StrContains(metrics, "\nlossd_");
}

StageSums ParseStages(absl::string_view metrics) {
  StageSums stages;
  for (const absl::string_view line : absl::StrSplit(metrics, '\n')) {
    const bool sum = absl::StartsWith(line, "lossd_stage_seconds_sum{");
    if (!sum && !absl::StartsWith(line, "lossd_stage_seconds_count{")) continue;
    const std::vector<absl::string_view> parts = absl::StrSplit(line, "} ");
    double value = 0;
    if (parts.size() != 2 || !absl::SimpleAtod(parts[1], &value)) continue;
    StageSum& stage = stages[StageOf(parts[0])];
    (sum ? stage.seconds : stage.count) += value;
  }
  return stages;
}

std::map<std::string, absl::Duration> MeanStages(const StageSums& before, const StageSums& after) {
  std::map<std::string, absl::Duration> means;
  for (const auto& [stage, sum] : after) {
    const auto found = before.find(stage);
    const StageSum start = found == before.end() ? StageSum() : found->second;
    if (sum.count > start.count) {
      means[stage] = absl::Seconds((sum.seconds - start.seconds) / (sum.count - start.count));
    }
  }
  return means;
}

absl::StatusOr<std::string> FetchText(const std::string& url) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "http://")) {
    return absl::InvalidArgumentError(absl::StrCat("expected http://host:port/path, got '", url, "'"));
  }
  const size_t slash = rest.find('/');
  const std::string host(rest.substr(0, slash));
  const absl::string_view path = slash == absl::string_view::npos ? "/" : rest.substr(slash);
  LOSSD_ASSIGN_OR_RETURN(SocketConnection connection, SocketConnection::Open(host, absl::Seconds(5)));
  LOSSD_RETURN_IF_ERROR(connection.Write(absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: ", host, "\r\n\r\n")));
  LOSSD_ASSIGN_OR_RETURN(const std::string response, connection.ReadAll());
  const size_t body = response.find("\r\n\r\n");
  if (!absl::StrContains(response.substr(0, response.find('\r')), " 200") || body == std::string::npos) {
    return absl::UnavailableError(absl::StrCat(url, ": expected HTTP's 200 OK, got '", FirstLine(response), "'"));
  }
  return response.substr(body + 4);
}

}  // namespace lossd::load
