// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Sweeps in loops of the calling thread.

#ifndef LOSSD_CORE_ENGINE_SWEEPS_HOST_SWEEPS_H_
#define LOSSD_CORE_ENGINE_SWEEPS_HOST_SWEEPS_H_

#include "core/engine/sweeps/sweeps.h"

namespace lossd {

class HostSweeps final : public Sweeps {
 public:
  void Run(const Sweep& sweep) const override;
};

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_SWEEPS_HOST_SWEEPS_H_
