// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The state of services, as the standard health service tells it.

#ifndef LOSSD_SERVER_OPS_HEALTH_STATES_H_
#define LOSSD_SERVER_OPS_HEALTH_STATES_H_

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// Which of the service names "", "lossd.v1.LossService", "readiness", "liveness" and "device/NAME" serve. The first
// three follow SetReady, until a device is lost; liveness serves as long as the process does, a device's name as long
// as that is well. Thread-safe: reading takes a short lock, and never waits for listeners.
class HealthStates {
 public:
  // Nothing is ready at first.
  HealthStates() = default;

  void SetReady(bool ready);
  bool ready() const;

  // From now on there is a service of this device, which serves. Listeners are told with the next change.
  void AddDevice(absl::string_view device);
  // The device no longer serves, and nothing is ready any more: whoever looks after the process shall replace it. Calls
  // are answered all the same. Unknown devices count, too.
  void LoseDevice(absl::string_view device);

  // Whether `service` serves; nullopt if there is no such service.
  std::optional<bool> IsServing(absl::string_view service) const;

  // Calls `listener` after each change, on the thread that makes it, until Unsubscribe(key) has returned. The listener
  // must not call back into this object but for IsServing and ready, and must not block: the change, and others, wait
  // for it. It is told that something has changed, not what. `key` is anything unique; a second one of it replaces the
  // first.
  void Subscribe(const void* key, std::function<void()> listener);
  // Waits for a listener that is running: not from inside one. Nothing where there is none of this key.
  void Unsubscribe(const void* key);

 private:
  mutable absl::Mutex mu_;
  void Tell() ABSL_EXCLUSIVE_LOCKS_REQUIRED(listeners_mu_);

  bool ready_ ABSL_GUARDED_BY(mu_) = false;
  bool lost_ ABSL_GUARDED_BY(mu_) = false;                                 // A device is.
  std::map<std::string, bool, std::less<>> devices_ ABSL_GUARDED_BY(mu_);  // Whether each serves.
  absl::Mutex listeners_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  std::map<const void*, std::function<void()>> listeners_ ABSL_GUARDED_BY(listeners_mu_);
};

}  // namespace lossd

#endif  // LOSSD_SERVER_OPS_HEALTH_STATES_H_
