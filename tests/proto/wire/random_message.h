// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes random requests and responses on the wire, as odd as protobuf allows.

#ifndef LOSSD_TESTS_PROTO_WIRE_RANDOM_MESSAGE_H_
#define LOSSD_TESTS_PROTO_WIRE_RANDOM_MESSAGE_H_

#include <random>
#include <string>

namespace lossd::wire {

// A valid ComputeRequest: fields in random order, submessages in parts, repeated singular fields, packed and unpacked
// shapes, unknown fields of all wire types, padded varints.
std::string RandomRequest(std::mt19937& random);

// The same for a ComputeResponse.
std::string RandomResponse(std::mt19937& random);

// `bytes` with a few of them changed, removed or inserted.
std::string Mutated(std::string bytes, std::mt19937& random);

}  // namespace lossd::wire

#endif  // LOSSD_TESTS_PROTO_WIRE_RANDOM_MESSAGE_H_
