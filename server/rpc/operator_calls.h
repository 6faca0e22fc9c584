// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The calls that do not compute: health, reflection, information.

#ifndef LOSSD_SERVER_RPC_OPERATOR_CALLS_H_
#define LOSSD_SERVER_RPC_OPERATOR_CALLS_H_

#include <cstdint>

#include "core/scheduling/admission.h"
#include "server/rpc/call_gate.h"
#include "server/rpc/rpc_call.h"
#include "server/rpc/small_message.h"

namespace lossd {

// Places and bytes of their own, so that computations cannot keep a probe out, nor probes a computation: as many calls
// as may compute, and kBytes for messages that are larger than what a client may send unasked; and as much again for
// those that last (Watch, reflection), so that they cannot keep those out that are answered at once. Never drains, so
// that a server that goes can still be asked how it is. Outlives the calls. Thread-safe.
class OperatorCalls {
 public:
  // 128 of the largest messages at a time, with what each may hold beyond (IncomingMessages::kFreeBytes).
  static constexpr int64_t kBytes = 16 << 20;

  // Takes the bounds on calls, of all and of a connection, that --max_concurrent_calls and --max_concurrent_streams set
  // for computations. `options` need not outlive this.
  explicit OperatorCalls(const ServerOptions& options) : prompt_(options), lasting_(options) {}

  // What all of them have in common: no token, no gate that may be draining, no limit of time, no name to be counted
  // under. `request` and `make` are left to ForMethod. Refers to this and to `environment`, which outlive the rules.
  RpcMethodRules Rules(const RpcEnvironment& environment) { return prompt_.Rules(environment); }
  // The same for calls that may last.
  RpcMethodRules LastingRules(const RpcEnvironment& environment) { return lasting_.Rules(environment); }

 private:
  struct Places {
    explicit Places(const ServerOptions& options)
        : gate(options.max_concurrent_streams),
          admission(kBytes, options.max_concurrent_calls, RealClock(), /*bytes_flag=*/"") {}
    RpcMethodRules Rules(const RpcEnvironment& environment) {
      return {.environment = environment, .gate = gate, .admission = admission, .messages = messages};
    }

    CallGate gate;
    Admission admission;
    MessageBudget messages{admission, InflowConnection::Kind::kSmall, kMaxSmallMessageBytes};
  };

  Places prompt_;
  Places lasting_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_RPC_OPERATOR_CALLS_H_
