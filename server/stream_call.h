// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A stream of computations.

#ifndef LOSSD_SERVER_STREAM_CALL_H_
#define LOSSD_SERVER_STREAM_CALL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/compute_call.h"

namespace lossd {

// One call of ComputeStream. Reads messages and hands them to the pipeline while earlier ones are computed; writes
// answers as they come, errors among them. Reads no further while the stream holds max_message_bytes of requests and
// unsent answers, or kMaxOutstanding messages, so that neither an eager writer nor a slow reader costs memory; nor
// before the last message's request_id is known, so that of equal ones the first counts. A client
// that takes longer than --transfer_timeout for an answer is cut off; the time between its messages is its own affair.
//
// Ends once nothing is outstanding and all answers have left: OK after the client's half-close, UNAVAILABLE when the
// server drains, DEADLINE_EXCEEDED or CANCELLED if the client is gone. Kept alive by whatever is outstanding.
// Thread-safe: completions, answers and the start of draining come on any thread.
class StreamCall : public std::enable_shared_from_this<StreamCall> {
 public:
  static constexpr size_t kMaxOutstanding = 256;

  static void Await(const CallEnvironment& environment, CallQueue& queue);

  StreamCall(const CallEnvironment& environment, CallQueue& queue);

 private:
  // A message that was read and has no answer yet.
  struct Outstanding {
    std::shared_ptr<Cancellation> cancellation;
    int64_t bytes = 0;
    GatePass place;
  };
  // An answer on its way.
  struct Leaving {
    ComputeAnswer answer;
    GatePass place;
  };
  using Ticket = uint64_t;

  void OnArrived(bool ok);
  absl::StatusOr<GatePass> Enter();
  void OnDone();
  void OnDrain();
  void OnMessage(bool ok);
  void Start(Ticket ticket, ComputeMessage message);
  absl::Status Claim(Ticket ticket, const std::string& request_id);
  void OnAnswer(Ticket ticket, ComputeAnswer answer);
  void OnWritten(bool ok);
  void OnFinished();

  TransferWatch::Cut CutOff();
  absl::Status WhyEnded() const;  // Once the client is gone.

  // Starts whatever can be started now.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MayRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Finish(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const CallEnvironment& environment_;
  CallQueue& queue_;  // Not owned; outlives this.
  GatePass pass_;     // Given up last: nothing of the call is left then.
  grpc::ServerContext context_;
  RawStream stream_{&context_};
  void* done_tag_ = nullptr;  // Reported by the queue only if the call arrives.
  absl::Time arrival_;
  std::string peer_;

  absl::Mutex mu_;
  grpc::ByteBuffer message_ ABSL_GUARDED_BY(mu_);
  bool arrived_ ABSL_GUARDED_BY(mu_) = false;  // Until then nothing is started: the client's end may be seen first.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finishing_ ABSL_GUARDED_BY(mu_) = false;
  TransferWatch::Transfer transfer_ ABSL_GUARDED_BY(mu_);  // Of an answer or of the stream's end.
  Ticket next_ticket_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t held_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<Ticket> unidentified_ ABSL_GUARDED_BY(mu_);  // The last message, until its request_id is known.
  std::map<Ticket, Outstanding> outstanding_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Ticket> claimed_ids_ ABSL_GUARDED_BY(mu_);
  std::deque<Leaving> answers_ ABSL_GUARDED_BY(mu_);  // The first is being written if writing_.
  absl::Status status_ ABSL_GUARDED_BY(mu_);          // How the stream ends.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_STREAM_CALL_H_
