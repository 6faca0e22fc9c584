// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The losses of the device that a test program is linked for: tile_losses.cc.

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_DEVICE_LOSSES_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_DEVICE_LOSSES_H_

#include "core/losses/registry.h"
#include "tests/core/losses/numerics/exact_loss.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

const LossRegistry& DeviceLosses();

// The largest share of what is allowed that a case takes on the device; infinite where it fails or gives no number.
double ShareOnDevice(const TestCase& test_case);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_DEVICE_LOSSES_H_
