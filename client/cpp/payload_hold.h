// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Knows when the transport has let go of the memory that a call's caller lent it.

#ifndef LOSSD_CLIENT_CPP_PAYLOAD_HOLD_H_
#define LOSSD_CLIENT_CPP_PAYLOAD_HOLD_H_

#include <memory>

#include "absl/functional/any_invocable.h"

namespace lossd::client {

// Of one call. gRPC can hold slices beyond a call's end: what lies in a send queue when the deadline passes is dropped
// only when the write ends. Thread-compatible; owners may be dropped on any thread.
//
//    the hold's own reference   |--------------------------| Release
//    slices in gRPC's hands        |-------------------------------|
//    the call                     start                 end        | released: only now does the caller get its result,
//                                                                    and its memory back
class PayloadHold {
 public:
  PayloadHold();

  // Goes with every slice over borrowed memory. Precondition: Release was not called.
  std::shared_ptr<const void> owner() const { return owner_; }

  // Gives up the hold's own reference. Returns true if no owner is left; else `released` is called when the last one is
  // dropped, once, on the thread that drops it, which may be in the midst of gRPC: it must do next to nothing.
  bool Release(absl::AnyInvocable<void() &&> released);

  // Gives up the hold's own reference and waits until no owner is left.
  void ReleaseAndWait();

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::shared_ptr<const void> owner_;
};

}  // namespace lossd::client

#endif  // LOSSD_CLIENT_CPP_PAYLOAD_HOLD_H_
