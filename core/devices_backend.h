// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Several back ends, one a device, as one.

#ifndef LOSSD_CORE_DEVICES_BACKEND_H_
#define LOSSD_CORE_DEVICES_BACKEND_H_

#include <memory>
#include <vector>

#include "core/loss_backend.h"

namespace lossd {

// A back end over `devices`, at least one, all with the same losses. A task goes to the device on which the fewest
// bytes of tasks are on their way, of those that are not lost as long as there are any, and is computed there as on any
// other. Requests are planned by the first, whose pool inputs are to lie in, and results should: the devices' losses,
// limits and memory must not differ. A result says which device it is of (ComputeResult::device); the lost ones are
// told of as any back end's.
std::unique_ptr<LossBackend> CreateDevicesBackend(std::vector<std::unique_ptr<LossBackend>> devices);

}  // namespace lossd

#endif  // LOSSD_CORE_DEVICES_BACKEND_H_
