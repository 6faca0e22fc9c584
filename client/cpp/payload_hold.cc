// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/payload_hold.h"

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace lossd::client {

struct PayloadHold::State {
  absl::Mutex mu;
  bool dropped ABSL_GUARDED_BY(mu) = false;
  absl::AnyInvocable<void() &&> released ABSL_GUARDED_BY(mu);

  void Drop() {
    absl::AnyInvocable<void() &&> call;
    {
      absl::MutexLock lock(&mu);
      dropped = true;
      call = std::move(released);
    }
    if (call) std::move(call)();
  }
};

PayloadHold::PayloadHold() : state_(std::make_shared<State>()) {
  owner_ = std::shared_ptr<const void>(state_.get(), [state = state_](const void*) { state->Drop(); });
}

bool PayloadHold::Release(absl::AnyInvocable<void() &&> released) {
  owner_.reset();
  absl::MutexLock lock(&state_->mu);
  if (state_->dropped) return true;
  state_->released = std::move(released);
  return false;
}

void PayloadHold::ReleaseAndWait() {
  absl::Notification released;
  if (!Release([&released] { released.Notify(); })) released.WaitForNotification();
}

}  // namespace lossd::client
