// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Makes gRPC channels that suit large messages.

#ifndef LOSSD_CLIENT_CPP_CHANNEL_H_
#define LOSSD_CLIENT_CPP_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "client/cpp/client_options.h"

namespace lossd::client {

// gRPC's service config as JSON: the load balancing policy, and for streams, which gRPC alone can open again, retries
// of UNAVAILABLE as in `options`. For unary calls see Attempts.
std::string ServiceConfig(const ClientOptions& options);

// One channel per connection of `options`, not yet connected. To servers of this machine by way of no proxy, whatever
// http_proxy says. Precondition: options.Validate() is OK.
std::vector<std::shared_ptr<grpc::Channel>> MakeChannels(const std::string& target, const ClientOptions& options);

// ": " and why the last attempt to connect failed, of a channel that was told to connect; "" if none has failed. Takes
// no time worth mentioning.
std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_CHANNEL_H_
