// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/call_registry.h"

#include <utility>
#include <vector>

namespace lossd::client {

void CallRegistry::Add(std::shared_ptr<CancellableCall> call) {
  absl::MutexLock lock(&mu_);
  calls_.insert(std::move(call));
}

void CallRegistry::Remove(const std::shared_ptr<CancellableCall>& call) {
  absl::MutexLock lock(&mu_);
  calls_.erase(call);
}

void CallRegistry::CancelAllAndWait() {
  std::vector<std::shared_ptr<CancellableCall>> calls;
  {
    absl::MutexLock lock(&mu_);
    calls.assign(calls_.begin(), calls_.end());
  }
  for (const auto& call : calls) call->Cancel();
  calls.clear();
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](absl::flat_hash_set<std::shared_ptr<CancellableCall>>* left) { return left->empty(); }, &calls_));
}

}  // namespace lossd::client
