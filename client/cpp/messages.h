// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Translates the client's value types to and from messages, payloads aside.

#ifndef LOSSD_CLIENT_CPP_MESSAGES_H_
#define LOSSD_CLIENT_CPP_MESSAGES_H_

#include "client/cpp/compute_request.h"
#include "client/cpp/compute_response.h"
#include "client/cpp/loss_spec.h"
#include "lossd/v1/loss_service.pb.h"

namespace lossd::client {

// Fields that have their default stay absent. No loss gives a message without one. All of these are thread-safe, and
// none checks what it is given.
v1::LossSpec ToMessage(const LossSpec& loss);

// The inverse. A missing loss gives the monostate, and so does one with an enum's value that this build does not know.
LossSpec FromMessage(const v1::LossSpec& message);

// Everything of `request` but inputs, gradient targets and timeout: inputs are encoded by reference (codec.h), targets
// stay here, and a timeout is the call's, or added for streams.
v1::ComputeRequest ToMessageWithoutInputs(const ComputeRequest& request);

Timing FromMessage(const v1::Timing& message);
ServerInfo FromMessage(const v1::GetServerInfoResponse& message);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_MESSAGES_H_
