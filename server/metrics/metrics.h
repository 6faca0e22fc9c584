// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The numbers behind /metrics.

#ifndef LOSSD_SERVER_METRICS_METRICS_H_
#define LOSSD_SERVER_METRICS_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/loss_backend.h"
#include "core/losses/loss_config.h"
#include "core/status/errors.h"
#include "prometheus/collectable.h"
#include "prometheus/registry.h"

namespace lossd {

enum class RpcMethod { kCompute, kComputeStream, kGetServerInfo };
inline constexpr int kRpcMethodCount = 3;
// "Compute" and so on.
absl::string_view RpcMethodName(RpcMethod method);

enum class Stage { kDecode, kQueue, kCompute, kEncode };
inline constexpr int kStageCount = 4;

// Where a non-finite value was seen.
enum class NonfinitePlace { kInput, kOutput, kGradient };
inline constexpr int kNonfinitePlaceCount = 3;

// Counts and observes. Every series exists from the start, so that nothing is looked up by label while serving.
// Thread-safe.
class Metrics final : public BackendObserver {
 public:
  Metrics();
  ~Metrics() override;

  // Names the devices that compute, which those of LossBackend::Devices() are: stages are counted by them. To be called
  // before all else but OnBatch; later calls change nothing.
  void SetDevices(const std::vector<std::string>& names);

  void OnCallStarted(RpcMethod method);
  void OnCallHandled(RpcMethod method, absl::StatusCode code, absl::Duration time);
  // A message of a stream was answered, in the stream, with `code`.
  void OnStreamMessage(absl::StatusCode code);
  // A computation of the device of this index, on that device, at the host before it or after it.
  void OnStage(Stage stage, size_t device, absl::Duration time);
  void OnRequest(int64_t bytes);
  void OnRejected(RejectReason reason);
  // An accepted computation that was given up: DEADLINE_EXCEEDED or CANCELLED; any other code counts nothing.
  void OnDropped(absl::StatusCode code);
  void OnCopiesIn(int64_t payloads);
  void OnCopiesOut(int64_t payloads);
  // A result of the loss kLossNames[loss].
  void OnResult(size_t loss, double objective, double gradient_norm);
  void OnNonfinite(size_t loss, NonfinitePlace place, int64_t count);
  void OnBatch(int requests) override;

  // Adds what is read at each scrape, as long as others keep it alive.
  void Add(const std::shared_ptr<prometheus::Collectable>& collectable);

  // Everything in Prometheus's text format.
  std::string Text() const;

 private:
  struct Series;

  prometheus::Registry registry_;
  mutable absl::Mutex mu_;
  std::vector<std::weak_ptr<prometheus::Collectable>> collectables_ ABSL_GUARDED_BY(mu_);
  const std::unique_ptr<Series> series_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_METRICS_H_
