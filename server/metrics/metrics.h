// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The numbers behind /metrics. docs/reference.md says what each series means; here is when it is counted.

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

// Parts of a computation's time, one after another: from its call's arrival (in streams: its message's) to the task's
// submission, reading and copying included; waiting for a worker; the batch that it ran in; making the answer.
enum class Stage { kDecode, kQueue, kCompute, kEncode };
inline constexpr int kStageCount = 4;

// Where a non-finite value was seen.
enum class NonfinitePlace { kInput, kOutput, kGradient };
inline constexpr int kNonfinitePlaceCount = 3;

// Counts and observes. Every series exists from the start, so that nothing is looked up by label while serving, and a
// series that nothing happened to reads 0. The On functions add to a shard of the calling thread's: they take no lock
// and do not wait. Thread-safe.
class Metrics final : public BackendObserver {
 public:
  Metrics();
  ~Metrics() override;

  // Names the devices that compute, which those of LossBackend::Devices() are: stages are counted by them. To be called
  // before all else but OnBatch; later calls change nothing.
  void SetDevices(const std::vector<std::string>& names);

  // A call came in, be it refused or not.
  void OnCallStarted(RpcMethod method);
  // It ended with `code`, `time` after it came. Once for each that started.
  void OnCallHandled(RpcMethod method, absl::StatusCode code, absl::Duration time);
  // A message of a stream was answered, in the stream, with `code`.
  void OnStreamMessage(absl::StatusCode code);
  // A computation of the device of this index, on that device, at the host before it or after it, once it is answered,
  // for each stage that it got to.
  void OnStage(Stage stage, size_t device, absl::Duration time);
  // Of a request's message, as it came.
  void OnRequest(int64_t bytes);
  // A call or a stream's message that was not taken, by the LimitViolation of its status.
  void OnRejected(RejectReason reason);
  // An accepted computation that was given up: DEADLINE_EXCEEDED or CANCELLED; any other code counts nothing.
  void OnDropped(absl::StatusCode code);
  // Payloads that were copied: from the transport's memory into buffers, and into messages. 0 counts nothing.
  void OnCopiesIn(int64_t payloads);
  void OnCopiesOut(int64_t payloads);
  // A result of the loss kLossNames[loss]. What is not finite is left out.
  void OnResult(size_t loss, double objective, double gradient_norm);
  // So many tensors of a result, not elements, held something that is not finite.
  void OnNonfinite(size_t loss, NonfinitePlace place, int64_t count);
  // A batch was computed, on the thread that calls.
  void OnBatch(int requests) override;

  // Adds what is read at each scrape, as long as others keep it alive.
  void Add(const std::shared_ptr<prometheus::Collectable>& collectable);

  // Everything in Prometheus's text format. Reads what was added, with no lock held.
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
