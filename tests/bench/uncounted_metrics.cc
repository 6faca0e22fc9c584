// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Metrics that count nothing, in place of server/metrics/metrics.cc: a server with them shows what counting costs.

#include "server/metrics/metrics.h"

namespace lossd {

absl::string_view RpcMethodName(RpcMethod) { return ""; }

struct Metrics::Series {};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

void Metrics::OnCallStarted(RpcMethod) {}
void Metrics::OnCallHandled(RpcMethod, absl::StatusCode, absl::Duration) {}
void Metrics::OnStreamMessage(absl::StatusCode) {}
void Metrics::SetDevices(const std::vector<std::string>&) {}
void Metrics::OnStage(Stage, size_t, absl::Duration) {}
void Metrics::OnRequest(int64_t) {}
void Metrics::OnRejected(RejectReason) {}
void Metrics::OnDropped(absl::StatusCode) {}
void Metrics::OnCopiesIn(int64_t) {}
void Metrics::OnCopiesOut(int64_t) {}
void Metrics::OnResult(size_t, double, double) {}
void Metrics::OnNonfinite(size_t, NonfinitePlace, int64_t) {}
void Metrics::OnBatch(int) {}
void Metrics::Add(const std::shared_ptr<prometheus::Collectable>&) {}
std::string Metrics::Text() const { return ""; }

}  // namespace lossd
