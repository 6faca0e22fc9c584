// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps account of the calls that a client has under way, so that it can end them.

#ifndef LOSSD_CLIENT_CPP_CALL_REGISTRY_H_
#define LOSSD_CLIENT_CPP_CALL_REGISTRY_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"

namespace lossd::client {

// A call that can be ended early. Thread-safe.
class CancellableCall {
 public:
  virtual ~CancellableCall() = default;
  // Ends the call with CANCELLED; without effect once it has ended.
  virtual void Cancel() = 0;
};

// Owns calls from their start to their end, so that whoever started one need not. Thread-safe; a short lock, under
// which nothing of a call is called. To be destroyed once all have ended (CancelAllAndWait): a call that is left would
// tell this of its end.
class CallRegistry {
 public:
  // Before the call is started. Not null, and not there already.
  void Add(std::shared_ptr<CancellableCall> call);
  // The call has ended and its callback has run.
  void Remove(const std::shared_ptr<CancellableCall>& call);
  // Cancels all calls and waits until all have ended. Precondition: no call is added any more. Not on the thread that
  // callbacks run on.
  void CancelAllAndWait();

 private:
  absl::Mutex mu_;
  absl::flat_hash_set<std::shared_ptr<CancellableCall>> calls_ ABSL_GUARDED_BY(mu_);
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_CALL_REGISTRY_H_
