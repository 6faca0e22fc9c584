// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What is told of a computation once its answer has left: to the metrics and to the access log. Every computation is
// told of once, refused ones too; RPCs are counted apart from it, since a stream is one RPC and many computations.

#ifndef LOSSD_SERVER_RPC_CALL_REPORTER_H_
#define LOSSD_SERVER_RPC_CALL_REPORTER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/log/log_limiter.h"
#include "server/log/logger.h"
#include "server/metrics/metrics.h"

namespace lossd {

// One computation: a unary call, or a message of a stream; or a stream that was refused as a whole, or for a message
// that had not come. Handed on by pointer from its arrival to the log; whoever has the pointer fills in what it knows,
// and nobody else looks at it meanwhile. What was not come to stays as it is here.
//
//    arrival --- decode --- queue --- compute --- encode --- the answer leaves --- OnAnswered(now)
//    |-------------------------- "seconds" of the log's line --------------------------|
struct CallRecord {
  RpcMethod method = RpcMethod::kCompute;
  bool is_stream = false;      // A stream itself, which is none of its messages.
  std::string peer;            // As grpc::ServerContext::peer has it.
  std::string request_id;      // The caller's; empty before it is decoded.
  absl::Time arrival;          // Of the call; of a stream's message, when it had come whole.
  absl::Status status;         // What the caller is told: OK, or why there is no result.
  std::optional<size_t> loss;  // Index into kLossNames, once known.
  int64_t inputs = 0;          // Tensors that were sent.
  // Of the messages, without what gRPC frames them with. 0: none was read, or made.
  int64_t request_bytes = 0;
  int64_t response_bytes = 0;
  bool accepted = false;  // Was handed to the backend.
  // As Stage; absent: it did not get there.
  std::optional<absl::Duration> decode;
  std::optional<absl::Duration> queue;
  std::optional<absl::Duration> compute;
  std::optional<absl::Duration> encode;
  int batch_requests = 0;  // Computed together, this one included; 0: was not computed.
  size_t device = 0;       // Index into the back end's devices; the first one's where none computed it.
};

// Writes one access-log line a computation and counts it. Thread-safe.
class CallReporter {
 public:
  // None is owned; all outlive this.
  CallReporter(Metrics& metrics, Logger& logger) : metrics_(metrics), logger_(logger) {}

  // Counts and logs a computation whose answer left `now`, or will not leave. One that a limit refused counts by that
  // limit's reason, whether or not it was accepted before; any other that was accepted by its code. A line of the
  // access log is written at the level of info; an INTERNAL error has one of its own besides, at the level of error.
  // Does not wait: takes the locks of limiter and logger for a moment; lines are formatted on the logger's thread.
  void OnAnswered(std::unique_ptr<CallRecord> record, absl::Time now);

  // Counts the end of an RPC, `time` after it came. Takes no lock.
  void OnCallEnded(RpcMethod method, absl::StatusCode code, absl::Duration time);

 private:
  // Lines of INTERNAL errors: so many at once, then one a period, which says how many were held back.
  static constexpr int kErrorLineBurst = 20;
  static constexpr absl::Duration kErrorLinePeriod = absl::Seconds(1);

  void Count(const CallRecord& record);
  void Write(std::unique_ptr<CallRecord> record, absl::Time now);

  Metrics& metrics_;
  Logger& logger_;
  LogLimiter internal_errors_{kErrorLineBurst, kErrorLinePeriod};
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_CALL_REPORTER_H_
