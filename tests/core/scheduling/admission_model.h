// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A server and its clients in simulated time, to see what a policy of admission leads to.

#ifndef LOSSD_TESTS_CORE_SCHEDULING_ADMISSION_MODEL_H_
#define LOSSD_TESTS_CORE_SCHEDULING_ADMISSION_MODEL_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/core/scheduling/admission_policy.h"
#include "tests/support/simulated_clock.h"

namespace lossd::testing {

// What a call is, which its client knows and the server finds out.
struct CallShape {
  std::string loss = "squared_norm";
  int64_t message_bytes = 0;
  int64_t plan_bytes = 0;  // All that the computation needs: inputs, outputs, gradients, workspace.
  int64_t answer_bytes = 0;
  absl::Duration compute;       // Of one worker.
  double bytes_per_second = 0;  // That its client sends and takes at most; 0: as many as the link carries.
};

struct ModelOptions {
  int clients = 1;      // Each with one call at a time (closed loop), or with those that arrive (open loop).
  int connections = 0;  // Over which they share, in turn; 0: each has its own.
  std::optional<double> arrivals_per_second;  // Of all clients together, at random times: an open loop.
  // The next call of a client.
  std::function<CallShape(int client, std::mt19937& random)> next;
  bool honours_pushback = false;  // A client that is refused waits as long as it is told to; else no longer than
  absl::Duration round_trip = absl::Microseconds(300);  // this.

  double link_bytes_per_second = 3e9;  // Each way, shared by those that send, about evenly.
  int workers = 2;
  int64_t transport_bytes = int64_t{1} << 30;  // Messages on their way beyond this are reset, as gRPC's quota does.
  uint32_t seed = 1;
};

struct ModelResult {
  absl::Duration length;
  int64_t answered = 0, answered_bytes = 0;  // Bytes of messages.
  int64_t read_bytes = 0;                    // Of messages, whole or not.
  int64_t vain_bytes = 0;                    // Of these, of calls that were not answered.
  int64_t refused_unread = 0, refused_reading = 0, refused_read = 0, reset = 0;
  int64_t peak_held = 0;      // As the policy counts.
  int64_t peak_resident = 0;  // As it was: messages as far as they have arrived, and what computations need.

  double goodput() const { return static_cast<double>(answered) / absl::ToDoubleSeconds(length); }
  double vain_share() const {
    return read_bytes == 0 ? 0 : static_cast<double>(vain_bytes) / static_cast<double>(read_bytes);
  }
};

// For people.
std::string Describe(const ModelResult& result);

// A discrete simulation, without threads. A call arrives, is let in or not, its message comes over the link beside
// others', is planned, waits for a worker, is computed, and its answer leaves over the link. Not thread-safe.
class AdmissionModel {
 public:
  // `policy` is not owned and outlives this. `clock`, if any, goes with the model's time.
  AdmissionModel(const ModelOptions& options, AdmissionPolicy& policy, SimulatedClock* clock = nullptr);

  // Lets so much time pass and counts what happened in the second part of it, after `warmup`.
  ModelResult Run(absl::Duration warmup, absl::Duration length);

 private:
  enum class Stage { kAsking, kReading, kQueued, kComputing, kAnswering };

  struct Call {
    int client = 0;
    CallShape shape;
    Stage stage = Stage::kAsking;
    std::unique_ptr<AdmissionPolicy::Ticket> ticket;
    double left = 0;    // Bytes of the message or of the answer, or seconds of computation.
    double taken = 0;   // Bytes of the message that have arrived.
    double weight = 1;  // Of its share of the link: no two calls are served alike.
  };
  using Calls = std::list<Call>;
  struct Start {
    double at;  // Seconds.
    int client;
    bool operator>(const Start& other) const { return at > other.at; }
  };

  void Begin(const Start& start);
  void Ask(Calls::iterator call);
  void AskThoseThatWait();
  void OnMessage(Calls::iterator call);
  void Progress();
  void Refuse(Calls::iterator call, const absl::Status& status);
  void End(Calls::iterator call, double next_delay);
  void StartWorkers();
  void ResetBeyondTheQuota();
  // Seconds until something ends, and what passes in so many.
  double NextEvent() const;
  void Pass(double seconds);
  bool FinishOne();
  double Rate(const Call& call) const;
  void NotePeaks();
  double Jitter() { return std::uniform_real_distribution<double>(0.5, 1.5)(random_); }

  const ModelOptions options_;
  AdmissionPolicy& policy_;
  SimulatedClock* const clock_;
  std::mt19937 random_;
  double now_ = 0;
  Calls calls_;
  std::priority_queue<Start, std::vector<Start>, std::greater<>> starts_;
  int computing_ = 0;
  double reading_ = 0, answering_ = 0;  // Weights of those that share the link.
  ModelResult result_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_SCHEDULING_ADMISSION_MODEL_H_
