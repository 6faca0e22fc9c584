// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Knows whether calls are let in, and how many are inside, of each client.

#ifndef LOSSD_SERVER_RPC_CALL_GATE_H_
#define LOSSD_SERVER_RPC_CALL_GATE_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/scheduling/clock.h"

namespace lossd {

class CallGate;

// The place of a call, or of a stream's message, inside a gate; given up when destroyed. Movable; an empty one holds
// nothing. Not thread-safe.
class GatePass {
 public:
  GatePass() = default;
  GatePass(GatePass&& other) noexcept
      : gate_(std::exchange(other.gate_, nullptr)), peer_(other.peer_), kind_(other.kind_), stream_(other.stream_) {}
  GatePass& operator=(GatePass&& other) noexcept;
  ~GatePass() { Leave(); }

  // Gives the place up now, under the gate's lock. Nothing if it is empty.
  void Leave();

 private:
  friend class CallGate;
  // What each adds to the gate's counts, for as long as the pass lives:
  //
  //               inside  calls of the peer  places of the peer
  //    kUnary        1            1                  1
  //    kStream       1            1                  0
  //    kMessage      0            0                  1
  enum class Kind { kUnary, kStream, kMessage };
  struct Counts {
    int64_t calls = 0;   // Unary ones and streams.
    int64_t places = 0;  // Of computations: unary calls and messages of streams.
  };
  using Peer = std::pair<const std::string, Counts>;
  GatePass(CallGate* gate, Peer* peer, Kind kind, const void* stream)
      : gate_(gate), peer_(peer), kind_(kind), stream_(stream) {}

  CallGate* gate_ = nullptr;  // Not owned; outlives this.
  Peer* peer_ = nullptr;      // The gate's counts of this client; null where there are none.
  Kind kind_ = Kind::kUnary;
  const void* stream_ = nullptr;
};

// The door of the service. Open at first; once draining, closed for good. Thread-safe.
//
// HTTP/2 lets a server state how many calls a connection may have, but gRPC 1.51 holds only those clients to it that
// acknowledge the statement. The gate holds all of them to it, and to as many computations, of unary calls and messages
// of streams together, so that one connection cannot take every place there is.
//
// Never blocks but in AwaitEmpty: all else takes a short lock. Outlives its passes.
class CallGate {
 public:
  // `max_calls_per_peer`: calls, and apart from them computations, that one peer may have inside at a time.
  explicit CallGate(int64_t max_calls_per_peer = std::numeric_limits<int64_t>::max())
      : max_calls_per_peer_(max_calls_per_peer) {}

  // What a caller refused while draining is told to wait.
  static constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

  // Lets a call of `peer` in, the address of a client's connection as gRPC has it. UNAVAILABLE (draining) if the gate
  // is closed; RESOURCE_EXHAUSTED (concurrency, --max_concurrent_streams) if the peer has too many inside. Connections
  // over unix sockets have no addresses to tell them apart, and are not counted.
  absl::StatusOr<GatePass> Enter(const std::string& peer);

  // The same for a stream: `on_drain` is called once when draining starts, on the thread that starts it and with no
  // lock held, unless the pass was given up before. `id` is anything unique among streams inside.
  absl::StatusOr<GatePass> EnterStream(const std::string& peer, const void* id, std::function<void()> on_drain);

  // The same for a message of the stream that `stream` was given to, and must still be inside. Counts as a computation
  // alone: AwaitEmpty waits for the stream, not for its messages.
  absl::StatusOr<GatePass> EnterMessage(const GatePass& stream);

  // OK, or UNAVAILABLE (draining), without entering.
  absl::Status Check() const;

  // Closes the gate, and calls on_drain of all streams inside, one after another, before it returns. Of a stream that
  // leaves meanwhile on another thread it may still be called. Call once: a second call would tell those again that are
  // inside still.
  void StartDraining();

  // Waits until no call is inside; false if `deadline`, by `clock`, comes first. Unless draining has begun, others may
  // come in at once.
  bool AwaitEmpty(Clock& clock, absl::Time deadline);

  // Unary calls and streams inside now.
  int64_t inside() const;

 private:
  friend class GatePass;

  using Kind = GatePass::Kind;
  using Peer = GatePass::Peer;

  void Leave(Peer* peer, Kind kind, const void* stream);
  absl::Status CheckOpen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<GatePass> LetIn(const std::string& peer, Kind kind, const void* stream)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Count(Peer& peer, Kind kind) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsEmpty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return inside_ == 0; }

  const int64_t max_calls_per_peer_;
  mutable absl::Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  int64_t inside_ ABSL_GUARDED_BY(mu_) = 0;
  std::unordered_map<std::string, GatePass::Counts> peers_ ABSL_GUARDED_BY(mu_);  // Its nodes do not move.
  std::map<const void*, std::function<void()>> streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_CALL_GATE_H_
