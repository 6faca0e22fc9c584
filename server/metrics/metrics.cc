// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/metrics/metrics.h"

#include <array>
#include <cmath>
#include <sstream>
#include <utility>

#include "core/process/build_info.h"
#include "prometheus/gauge.h"
#include "prometheus/text_serializer.h"
#include "server/metrics/metrics_counter.h"
#include "server/metrics/metrics_histogram.h"

namespace lossd {
namespace {

using Counter = ShardedCounter;
using Histogram = ShardedHistogram;
using Buckets = std::vector<double>;

constexpr absl::string_view kMethodNames[] = {"Compute", "ComputeStream", "GetServerInfo"};
constexpr const char* kMethodTypes[] = {"unary", "bidi_stream", "unary"};
constexpr const char* kStageLabels[] = {"decode", "queue", "compute", "encode"};
constexpr const char* kPlaceLabels[] = {"input", "output", "gradient"};
constexpr int kCodeCount = 17;
constexpr int kReasonCount = static_cast<int>(RejectReason::kDraining) + 1;  // The last one.

// 20 us to 40 s, in steps of 1, 2, 5: from a small loss on an idle server to the largest one in a queue.
const Buckets& SecondsBuckets() {
  static const auto* const buckets =
      new Buckets{2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 40};
  return *buckets;
}

// 256 bytes to 1 GiB, in steps of four.
const Buckets& BytesBuckets() {
  static const auto* const buckets =
      new Buckets{256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456, 1073741824};
  return *buckets;
}

// Losses lie between 0 and some hundreds; a negative one or 0 says something too.
const Buckets& LossBuckets() {
  static const auto* const buckets = new Buckets{-1, 0,   1e-4, 1e-3, 0.01, 0.05, 0.1, 0.2, 0.5, 1,   2,  3,
                                                 5,  7.5, 10,   20,   50,   100,  200, 500, 1e3, 1e4, 1e6};
  return *buckets;
}

const Buckets& NormBuckets() {
  static const auto* const buckets =
      new Buckets{0, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 100, 1e3, 1e4, 1e6};
  return *buckets;
}

// As absl::ToDoubleSeconds, for times below centuries.
double Seconds(absl::Duration time) { return static_cast<double>(absl::ToInt64Nanoseconds(time)) / 1e9; }

std::string CodeName(int code) { return absl::StatusCodeToString(static_cast<absl::StatusCode>(code)); }

prometheus::Labels MethodLabels(int method) {
  return {{"grpc_service", "lossd.v1.LossService"},
          {"grpc_method", std::string(kMethodNames[method])},
          {"grpc_type", kMethodTypes[method]}};
}

}  // namespace

absl::string_view RpcMethodName(RpcMethod method) { return kMethodNames[static_cast<int>(method)]; }

// All series, by what they are labelled with.
struct Metrics::Series {
  explicit Series(prometheus::Registry& registry) {
    AddCalls();
    AddStages();
    AddRefusals();
    AddLosses();
    prometheus::BuildGauge()
        .Name("lossd_build_info")
        .Help("1, with what was built as labels.")
        .Register(registry)
        .Add({{"version", kBuildVersion}, {"revision", kBuildRevision}})
        .Set(1);
  }

  void AddCalls();
  void AddDevice(const std::string& name);
  void AddStages();
  void AddRefusals();
  void AddLosses();

  ShardedCounters counters;
  ShardedHistograms histograms;
  Counter* started[kRpcMethodCount];
  Counter* handled[kRpcMethodCount][kCodeCount];
  Histogram* handling_seconds[kRpcMethodCount];
  Counter* stream_messages[kCodeCount];
  std::vector<std::array<Histogram*, kStageCount>> stage_seconds;  // Of each device.
  Histogram* batch_requests;
  Histogram* request_bytes;
  Counter* rejected[kReasonCount];
  Counter* expired;
  Counter* cancelled;
  Counter* copies_in;
  Counter* copies_out;
  Histogram* loss_value[kLossNames.size()];
  Histogram* gradient_norm[kLossNames.size()];
  Counter* nonfinite[kLossNames.size()][kNonfinitePlaceCount];
};

void Metrics::Series::AddCalls() {
  for (int method = 0; method < kRpcMethodCount; ++method) {
    prometheus::Labels labels = MethodLabels(method);
    started[method] = &counters.Add("grpc_server_started_total", "Calls that came in.", labels);
    handling_seconds[method] =
        &histograms.Add("grpc_server_handling_seconds", "Time from a call's arrival to its answer's departure.", labels,
                        SecondsBuckets());
    for (int code = 0; code < kCodeCount; ++code) {
      labels["grpc_code"] = CodeName(code);
      handled[method][code] = &counters.Add("grpc_server_handled_total", "Calls that were answered, by code.", labels);
    }
  }
  for (int code = 0; code < kCodeCount; ++code) {
    stream_messages[code] =
        &counters.Add("lossd_stream_messages_total", "Messages of streams that were answered, by code.",
                      {{"grpc_code", CodeName(code)}});
  }
}

void Metrics::Series::AddDevice(const std::string& name) {
  std::array<Histogram*, kStageCount>& stages = stage_seconds.emplace_back();
  for (size_t stage = 0; stage < kStageCount; ++stage) {
    stages[stage] = &histograms.Add("lossd_stage_seconds", "Time that computations spent in a stage.",
                                    {{"device", name}, {"stage", kStageLabels[stage]}}, SecondsBuckets());
  }
}

void Metrics::Series::AddStages() {
  batch_requests =
      &histograms.Add("lossd_batch_requests", "Requests in a batch.", {}, Buckets{1, 2, 4, 8, 16, 32, 64, 128, 256});
  request_bytes = &histograms.Add("lossd_request_bytes", "Bytes of a request.", {}, BytesBuckets());
  for (const auto& [direction, copies] : {std::pair("in", &copies_in), std::pair("out", &copies_out)}) {
    *copies = &counters.Add("lossd_payload_copies_total", "Payloads of tensors that were copied.",
                            {{"direction", direction}});
  }
}

void Metrics::Series::AddRefusals() {
  for (int reason = 0; reason < kReasonCount; ++reason) {
    rejected[reason] =
        &counters.Add("lossd_rejected_total", "Computations that were not accepted, by what they ran into.",
                      {{"reason", std::string(RejectReasonLabel(static_cast<RejectReason>(reason)))}});
  }
  for (const auto& [reason, drops] : {std::pair("expired", &expired), std::pair("cancelled", &cancelled)}) {
    *drops = &counters.Add("lossd_dropped_total", "Accepted computations that were given up.", {{"reason", reason}});
  }
}

void Metrics::Series::AddLosses() {
  for (size_t loss = 0; loss < kLossNames.size(); ++loss) {
    const std::string name(kLossNames[loss]);
    loss_value[loss] = &histograms.Add("lossd_loss_value", "Objectives that were computed and finite.",
                                       {{"loss", name}}, LossBuckets());
    gradient_norm[loss] =
        &histograms.Add("lossd_gradient_norm", "Euclidean norms of a request's gradients that were finite.",
                        {{"loss", name}}, NormBuckets());
    for (int place = 0; place < kNonfinitePlaceCount; ++place) {
      nonfinite[loss][place] =
          &counters.Add("lossd_nonfinite_total", "Tensors that held a NaN or an infinity, by where.",
                        {{"loss", name}, {"where", kPlaceLabels[place]}});
    }
  }
}

Metrics::Metrics() : series_(std::make_unique<Series>(registry_)) {}
Metrics::~Metrics() = default;

void Metrics::OnCallStarted(RpcMethod method) { series_->started[static_cast<int>(method)]->Add(); }

void Metrics::OnCallHandled(RpcMethod method, absl::StatusCode code, absl::Duration time) {
  const int index = static_cast<int>(method);
  series_->handled[index][static_cast<int>(code)]->Add();
  series_->handling_seconds[index]->Observe(Seconds(time));
}

void Metrics::OnStreamMessage(absl::StatusCode code) { series_->stream_messages[static_cast<int>(code)]->Add(); }

void Metrics::SetDevices(const std::vector<std::string>& names) {
  if (!series_->stage_seconds.empty()) return;
  for (const std::string& name : names) series_->AddDevice(name);
}

void Metrics::OnStage(Stage stage, size_t device, absl::Duration time) {
  if (device >= series_->stage_seconds.size()) return;  // Nobody has named it.
  series_->stage_seconds[device][static_cast<size_t>(stage)]->Observe(Seconds(time));
}

void Metrics::OnRequest(int64_t bytes) { series_->request_bytes->Observe(static_cast<double>(bytes)); }

void Metrics::OnRejected(RejectReason reason) { series_->rejected[static_cast<int>(reason)]->Add(); }

void Metrics::OnDropped(absl::StatusCode code) {
  if (code == absl::StatusCode::kDeadlineExceeded) series_->expired->Add();
  if (code == absl::StatusCode::kCancelled) series_->cancelled->Add();
}

void Metrics::OnCopiesIn(int64_t payloads) {
  if (payloads > 0) series_->copies_in->Add(payloads);
}
void Metrics::OnCopiesOut(int64_t payloads) {
  if (payloads > 0) series_->copies_out->Add(payloads);
}

void Metrics::OnResult(size_t loss, double objective, double gradient_norm) {
  if (std::isfinite(objective)) series_->loss_value[loss]->Observe(objective);
  if (std::isfinite(gradient_norm)) series_->gradient_norm[loss]->Observe(gradient_norm);
}

void Metrics::OnNonfinite(size_t loss, NonfinitePlace place, int64_t count) {
  if (count > 0) series_->nonfinite[loss][static_cast<int>(place)]->Add(count);
}

void Metrics::OnBatch(int requests) { series_->batch_requests->Observe(requests); }

void Metrics::Add(const std::shared_ptr<prometheus::Collectable>& collectable) {
  absl::MutexLock lock(&mu_);
  collectables_.push_back(collectable);
}

std::string Metrics::Text() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (prometheus::MetricFamily& family : series_->counters.Collect()) families.push_back(std::move(family));
  for (prometheus::MetricFamily& family : series_->histograms.Collect()) families.push_back(std::move(family));
  std::vector<std::weak_ptr<prometheus::Collectable>> collectables;
  {
    absl::MutexLock lock(&mu_);
    collectables = collectables_;
  }
  for (const auto& weak : collectables) {
    if (const auto collectable = weak.lock()) {
      for (prometheus::MetricFamily& family : collectable->Collect()) families.push_back(std::move(family));
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return text.str();
}

}  // namespace lossd
