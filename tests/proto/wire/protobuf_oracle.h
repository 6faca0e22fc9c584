// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Compares the decoders with stock protobuf. The unit tests and the fuzz targets share it.

#ifndef LOSSD_TESTS_PROTO_WIRE_PROTOBUF_ORACLE_H_
#define LOSSD_TESTS_PROTO_WIRE_PROTOBUF_ORACLE_H_

#include <string>
#include <vector>

#include "grpcpp/support/slice.h"

namespace lossd::wire {

// What DecodeRequest makes of `slices` and protobuf of their bytes differs in: empty if they agree. They agree where
// both read the same request, where both find the bytes malformed, and where DecodeRequest refuses what protobuf reads
// for a reason that protobuf's result shows, or for a limit.
std::string RequestDisagreement(const std::vector<grpc::Slice>& slices);

// The same for DecodeResponse.
std::string ResponseDisagreement(const std::vector<grpc::Slice>& slices);

}  // namespace lossd::wire

#endif  // LOSSD_TESTS_PROTO_WIRE_PROTOBUF_ORACLE_H_
