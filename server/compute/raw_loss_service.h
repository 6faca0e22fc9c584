// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The calls of lossd.v1.LossService as gRPC sees them.

#ifndef LOSSD_SERVER_COMPUTE_RAW_LOSS_SERVICE_H_
#define LOSSD_SERVER_COMPUTE_RAW_LOSS_SERVICE_H_

#include "server/rpc/raw_service.h"

namespace lossd {

// The service: what cannot be taken is refused before it is buffered. Used by one server, which it outlives.
// Thread-safe.
class RawLossService final : public RawService {
 public:
  // As RawService::Request takes them: indexes into the names below.
  enum Method { kCompute, kComputeStream, kGetServerInfo };

  RawLossService()
      : RawService({"/lossd.v1.LossService/Compute", "/lossd.v1.LossService/ComputeStream",
                    "/lossd.v1.LossService/GetServerInfo"}) {}
};

}  // namespace lossd

#endif  // LOSSD_SERVER_COMPUTE_RAW_LOSS_SERVICE_H_
