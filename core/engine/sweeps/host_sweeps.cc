// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/sweeps/host_sweeps.h"

#include <cstdint>

namespace lossd {

void HostSweeps::Run(const Sweep& sweep) const {
  std::visit(
      [](const auto& body) {
        const HostBlock threads;
        for (int64_t group = 0; group < body.groups(); ++group) {
          for (int64_t unit = 0; unit < body.units(); ++unit) body(threads, group, unit);
        }
      },
      sweep);
}

}  // namespace lossd
