// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What /metrics tells of devices with memory of their own.

#ifndef LOSSD_SERVER_METRICS_DEVICE_GAUGES_H_
#define LOSSD_SERVER_METRICS_DEVICE_GAUGES_H_

#include <vector>

#include "core/loss_backend.h"
#include "server/metrics/metrics_gauges.h"

namespace lossd {

// The family lossd_device_* of each such device that `backend` has now, by its name in the label `device`; none where
// it has none. Which devices there are is settled here: before the first scrape, on any thread. `backend` is not owned
// and outlives the values. Each value asks it anew, by its thread-safe DeviceStates and on the thread that scrapes, so
// that those of one scrape may be of different moments. Times are in seconds.
std::vector<ScrapedValue> DeviceValues(const LossBackend& backend);

}  // namespace lossd

#endif  // LOSSD_SERVER_METRICS_DEVICE_GAUGES_H_
