// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/rpc/call_reporter.h"

#include <utility>

#include "core/status/errors.h"

namespace lossd {
namespace {

constexpr size_t kMaxLoggedText = 512;  // Of a status.

void AddSeconds(absl::string_view key, const std::optional<absl::Duration>& time, LogLine& line) {
  if (time.has_value()) line.Add(key, *time);
}

void AddFields(const CallRecord& record, absl::Time now, LogLine& line) {
  line.Add("request_id", record.request_id);
  line.Add("method", RpcMethodName(record.method));
  line.Add("code", absl::StatusCodeToString(record.status.code()));
  line.Add("peer", record.peer);
  if (record.loss.has_value()) line.Add("loss", kLossNames[*record.loss]);
  line.Add("inputs", record.inputs);
  line.Add("request_bytes", record.request_bytes);
  line.Add("response_bytes", record.response_bytes);
  line.Add("seconds", now - record.arrival);
  AddSeconds("decode_seconds", record.decode, line);
  AddSeconds("queue_seconds", record.queue, line);
  AddSeconds("compute_seconds", record.compute, line);
  AddSeconds("encode_seconds", record.encode, line);
  if (record.batch_requests > 0) line.Add("batch_requests", record.batch_requests);
  if (!record.status.ok()) line.Add("error", record.status.message().substr(0, kMaxLoggedText));
}

}  // namespace

void CallReporter::OnAnswered(std::unique_ptr<CallRecord> record, absl::Time now) {
  Count(*record);
  Write(std::move(record), now);
}

void CallReporter::OnCallEnded(RpcMethod method, absl::StatusCode code, absl::Duration time) {
  metrics_.OnCallHandled(method, code, time);
}

void CallReporter::Count(const CallRecord& record) {
  if (record.method == RpcMethod::kComputeStream && !record.is_stream) metrics_.OnStreamMessage(record.status.code());
  if (record.request_bytes > 0) metrics_.OnRequest(record.request_bytes);
  const std::pair<Stage, std::optional<absl::Duration>> stages[] = {{Stage::kDecode, record.decode},
                                                                    {Stage::kQueue, record.queue},
                                                                    {Stage::kCompute, record.compute},
                                                                    {Stage::kEncode, record.encode}};
  for (const auto& [stage, time] : stages) {
    if (time.has_value()) metrics_.OnStage(stage, record.device, *time);
  }
  if (const auto limit = GetLimitViolation(record.status)) {
    metrics_.OnRejected(limit->reason);
  } else if (record.accepted) {
    metrics_.OnDropped(record.status.code());
  }
}

void CallReporter::Write(std::unique_ptr<CallRecord> record, absl::Time now) {
  if (record->status.code() == absl::StatusCode::kInternal) {
    if (const auto held_back = internal_errors_.Admit(now)) {
      logger_.LogLater(now, LogLevel::kError, "internal error",
                       [record = *record, now, held_back = *held_back](LogLine& line) {
                         AddFields(record, now, line);
                         line.Add("held_back", held_back);
                       });
    }
  }
  if (!logger_.enabled(LogLevel::kInfo)) return;
  logger_.LogLater(now, LogLevel::kInfo, "call",
                   [record = std::move(record), now](LogLine& line) { AddFields(*record, now, line); });
}

}  // namespace lossd
