// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Compares answers with a computation of this process.

#ifndef LOSSD_CLIENT_LOAD_ANSWER_CHECK_H_
#define LOSSD_CLIENT_LOAD_ANSWER_CHECK_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cpp/compute_request.h"
#include "client/load/load_request.h"
#include "client/load/recording.h"
#include "core/tensor/tensor.h"

namespace lossd::load {

// Holds the answer as it must be, to the byte, from a server of this build on such a processor, that computes in tiles
// in fp32. Thread-safe; looking at an answer copies and compares all of it, on the thread that asks.
class AnswerCheck {
 public:
  // Computes `request`, whose encoded form is `encoded`, here, once, and waits for it. Looks at one of `every` >= 1
  // answers, the first among them. Fails as a server would.
  static absl::StatusOr<std::unique_ptr<AnswerCheck>> Create(const client::ComputeRequest& request,
                                                             const LoadRequest& encoded, int64_t every);

  // Counts an answer; if its turn has come, compares it.
  CallOutcome::Check Sample(const grpc::ByteBuffer& response);

  // OK if `response` has the expected objective, outputs and gradients; else DATA_LOSS, with what differs first, or
  // what DecodeResponse says.
  absl::Status Compare(const grpc::ByteBuffer& response) const;

 private:
  AnswerCheck(int64_t every, double objective, std::vector<Tensor> outputs, std::vector<Tensor> gradients)
      : every_(every), objective_(objective), outputs_(std::move(outputs)), gradients_(std::move(gradients)) {}

  const int64_t every_;
  const double objective_;
  const std::vector<Tensor> outputs_;
  const std::vector<Tensor> gradients_;
  std::atomic<int64_t> answers_{0};
};

}  // namespace lossd::load

#endif  // LOSSD_CLIENT_LOAD_ANSWER_CHECK_H_
