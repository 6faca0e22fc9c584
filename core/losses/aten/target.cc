// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/target.h"

#include "core/losses/aten/operation_counter.h"

namespace lossd::aten {

void Target::Run(const Sweep& sweep) const {
  CountLaunch("lossd::sweep");
  sweeps->Run(sweep);
}

}  // namespace lossd::aten
