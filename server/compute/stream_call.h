// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A stream of computations.

#ifndef LOSSD_SERVER_COMPUTE_STREAM_CALL_H_
#define LOSSD_SERVER_COMPUTE_STREAM_CALL_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/compute/compute_call.h"

namespace lossd {

// One call of ComputeStream. Reads messages and hands them to the pipeline while earlier ones are computed; writes
// answers as they come, errors among them. Reads no further while the stream holds max_message_bytes of requests and
// unsent answers, or kMaxOutstanding messages, so that neither an eager writer nor a slow reader costs memory; nor
// before the last message's request_id is known, so that of equal ones the first counts; nor while there is no room for
// a message like the last ones and answers are still to leave. A client that takes longer than --transfer_timeout for
// an answer, or for the rest of a message that it has begun, is cut off; the time between messages is its own affair.
//
//   a message      being read |  in outstanding_          |  in answers_, as they came           |  has left
//   begins with    Read         OnMessage: a ticket           OnAnswer                             OnWritten
//   held_bytes_                 + its bytes                   - its bytes, + those of its answer   - those
//   place in gate               taken                         handed on                            given up
//   its request_id              claimed by Claim              free for another message
//
// Ends once nothing is outstanding and all answers have left: OK after the client's half-close, UNAVAILABLE when the
// server drains, DEADLINE_EXCEEDED or CANCELLED if the client is gone. Ends at once, RESOURCE_EXHAUSTED, where a
// message outgrows what there is room for: what is computed then is given up, and counts as refused for the same.
// Thread-safe: completions, answers, refusals and the start of draining come on any thread.
class StreamCall final : public RpcCall {
 public:
  // Messages without an answer that has left. As many as a connection may have calls by default
  // (--max_concurrent_streams).
  static constexpr size_t kMaxOutstanding = 256;

  StreamCall(const RpcMethodRules& rules, CallQueue& queue, const ComputeParts& parts)
      : RpcCall(rules, queue), parts_(parts) {}

 private:
  // A message that was read and has no answer yet.
  struct UnansweredMessage {
    std::shared_ptr<Cancellation> cancellation;
    int64_t bytes = 0;
    GatePass place;
  };
  // An answer on its way, with what it keeps until it has left.
  struct Leaving {
    ComputeAnswer answer;
    GatePass place;
  };
  using Ticket = uint64_t;  // Counts messages, from 0 on; what they are called before their request_id is known.

  void OnEntered() override;
  void OnMessage(ReceivedMessage bytes, Reservation reservation) override;
  void OnRefused(const absl::Status& status) override;
  void OnNoMessage() override;
  void OnWritten(bool ok) override;
  void OnGone() override;
  void OnDrain() override;
  void OnEnded(const absl::Status& status, absl::Time now) override;

  // Hands a message to the pipeline, which may answer before this returns: with no lock held.
  void Start(Ticket ticket, ComputeMessage message);
  // What the pipeline asks once it knows the id: INVALID_ARGUMENT if another outstanding message has it.
  absl::Status Claim(Ticket ticket, const std::string& request_id);
  void OnAnswer(Ticket ticket, ComputeAnswer answer);
  std::vector<std::shared_ptr<Cancellation>> Cancellations() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gives up what an answer that has left, or will not, has kept until now; `lost`: why it has not, or OK.
  void Report(Leaving leaving, const absl::Status& lost);

  // Starts whatever can be started now: writing, the end, reading. To be called after each change of what is below.
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AdvanceReading() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MayRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void End(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const ComputeParts& parts_;

  absl::Mutex mu_;
  bool entered_ ABSL_GUARDED_BY(mu_) = false;  // Until then nothing is started: draining may be seen first.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);  // Of a message that was being read; OK: none.
  Ticket next_ticket_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t held_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<Ticket> unidentified_ ABSL_GUARDED_BY(mu_);  // The last message, until its request_id is known.
  std::map<Ticket, UnansweredMessage> outstanding_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Ticket> claimed_ids_ ABSL_GUARDED_BY(mu_);
  std::deque<Leaving> answers_ ABSL_GUARDED_BY(mu_);  // The first is being written if writing_.
};

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_STREAM_CALL_H_
