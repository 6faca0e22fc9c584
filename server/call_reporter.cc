// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/call_reporter.h"

#include <utility>

#include "core/status/errors.h"

namespace lossd {
namespace {

constexpr int kErrorLineBurst = 20;
constexpr absl::Duration kErrorLinePeriod = absl::Seconds(1);
constexpr size_t kMaxLoggedText = 512;  // Of a status.

void AddSeconds(const char* key, const std::optional<absl::Duration>& time, std::vector<LogField>& fields) {
  if (time.has_value()) fields.push_back({key, absl::ToDoubleSeconds(*time)});
}

std::vector<LogField> AccessFields(const CallRecord& record, absl::Time now) {
  std::vector<LogField> fields = {{"request_id", record.request_id},
                                  {"method", std::string(RpcMethodName(record.method))},
                                  {"code", absl::StatusCodeToString(record.status.code())},
                                  {"peer", record.peer}};
  if (record.loss.has_value()) fields.push_back({"loss", std::string(kLossNames[*record.loss])});
  fields.push_back({"inputs", record.inputs});
  fields.push_back({"request_bytes", record.request_bytes});
  fields.push_back({"response_bytes", record.response_bytes});
  fields.push_back({"seconds", absl::ToDoubleSeconds(now - record.arrival)});
  AddSeconds("decode_seconds", record.decode, fields);
  AddSeconds("queue_seconds", record.queue, fields);
  AddSeconds("compute_seconds", record.compute, fields);
  AddSeconds("encode_seconds", record.encode, fields);
  if (record.batch_requests > 0) fields.push_back({"batch_requests", int64_t{record.batch_requests}});
  if (!record.status.ok()) fields.push_back({"error", std::string(record.status.message().substr(0, kMaxLoggedText))});
  return fields;
}

}  // namespace

CallReporter::CallReporter(Metrics& metrics, Logger& logger, Clock& clock)
    : metrics_(metrics), logger_(logger), clock_(clock), internal_errors_(kErrorLineBurst, kErrorLinePeriod) {}

void CallReporter::OnAnswered(CallRecord record) {
  Count(record);
  Write(std::move(record));
}

void CallReporter::OnCallEnded(RpcMethod method, absl::StatusCode code, absl::Time arrival) {
  metrics_.OnCallHandled(method, code, clock_.TimeNow() - arrival);
}

void CallReporter::Count(const CallRecord& record) {
  if (record.request_bytes > 0) metrics_.OnRequest(record.request_bytes);
  const std::pair<Stage, std::optional<absl::Duration>> stages[] = {{Stage::kDecode, record.decode},
                                                                    {Stage::kQueue, record.queue},
                                                                    {Stage::kCompute, record.compute},
                                                                    {Stage::kEncode, record.encode}};
  for (const auto& [stage, time] : stages) {
    if (time.has_value()) metrics_.OnStage(stage, *time);
  }
  if (const auto limit = GetLimitViolation(record.status)) {
    metrics_.OnRejected(limit->reason);
  } else if (record.accepted) {
    metrics_.OnDropped(record.status.code());
  }
}

void CallReporter::Write(CallRecord record) {
  const absl::Time now = clock_.TimeNow();
  if (record.status.code() == absl::StatusCode::kInternal) {
    if (const auto held_back = internal_errors_.Admit(now)) {
      std::vector<LogField> fields = AccessFields(record, now);
      fields.push_back({"held_back", *held_back});
      logger_.Log(LogLevel::kError, "internal error", fields);
    }
  }
  if (!logger_.enabled(LogLevel::kInfo)) return;
  logger_.LogLater(LogLevel::kInfo, "call", [record = std::move(record), now] { return AccessFields(record, now); });
}

}  // namespace lossd
