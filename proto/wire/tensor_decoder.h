// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Decodes the tensors of a message without touching their payloads. Requests and responses share it.

#ifndef LOSSD_PROTO_WIRE_TENSOR_DECODER_H_
#define LOSSD_PROTO_WIRE_TENSOR_DECODER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/tensor/tensor_spec.h"
#include "lossd/v1/tensor.pb.h"
#include "proto/wire/header_budget.h"
#include "proto/wire/reader.h"

namespace lossd::wire {

// The tensors of one repeated field, in order: what they are, and where their elements lie. Equally long; the i-th of
// both belong together.
struct TensorTable {
  std::vector<TensorSpec> specs;
  std::vector<PayloadRange> payloads;
};

// Collects the tensors of the repeated field `list` ("inputs"). All but payloads, a few dozen bytes a tensor, is copied
// and parsed by protobuf; payloads are located, whatever their length. Not thread-safe.
class TensorDecoder {
 public:
  // For at most `max_tensors`. `list` and `budget` are not owned and outlive this.
  TensorDecoder(absl::string_view list, int64_t max_tensors, HeaderBudget* budget)
      : list_(list), max_tensors_(max_tensors), budget_(budget) {}

  // Decodes one tensor with protobuf's semantics: of repeated names, dtypes and payloads the last wins, shapes join.
  // INVALID_ARGUMENT with the field (`inputs[anchor.1].shape`, or by index where the name is not known) where the bytes
  // are malformed, a limit is exceeded, the dtype is not known, the name was there before, or the payload has not the
  // length that dtype and shape ask for. After an error neither Add nor Take may follow.
  absl::Status Add(Reader tensor);

  int64_t size() const { return static_cast<int64_t>(table_.specs.size()); }
  // What was added. The decoder is of no more use.
  TensorTable Take() && { return std::move(table_); }

 private:
  // In this order: the fields of a tensor, one by one; what they make together; its payload against that; its name.
  absl::Status WalkField(const Field& field);
  absl::Status CountExtents(const Field& field);
  absl::StatusOr<TensorSpec> ParseSpec();
  absl::Status CheckPayload(const TensorSpec& spec) const;
  absl::Status CheckUnique(const std::string& name);
  // TensorPath of the tensor that is being decoded.
  std::string Path(absl::string_view part) const;

  const absl::string_view list_;
  const int64_t max_tensors_;
  HeaderBudget* const budget_;
  TensorTable table_;
  absl::flat_hash_map<std::string, int64_t> index_of_;

  // Of the tensor that is being decoded:
  //    a Tensor on the wire   name | dtype | shape | data: tag, length | elements     fields in any order
  //                           |--- header_bytes_ ---|                    payload_
  std::string header_bytes_;  // Everything but the payload, for protobuf.
  v1::Tensor header_;
  std::string name_;
  int64_t rank_ = 0;
  PayloadRange payload_;
};

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_TENSOR_DECODER_H_
