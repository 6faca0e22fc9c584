// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/accept_guard.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "absl/base/attributes.h"
#include "absl/base/const_init.h"
#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/connection_taps.h"

namespace lossd {
namespace {

ABSL_CONST_INIT absl::Mutex spare_mu(absl::kConstInit);
int spare ABSL_GUARDED_BY(spare_mu) = -1;  // -1: none was asked for, or none was left.
// Whether one was asked for and none was left: another thread may take the number between our closing and opening it.
std::atomic<bool> spare_lost = false;

void OpenSpare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(spare_mu) {
  if (spare < 0) spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
  spare_lost.store(spare < 0, std::memory_order_relaxed);
}

int SystemAccept(int listener, sockaddr* address, socklen_t* length, int flags) {
  return static_cast<int>(syscall(SYS_accept4, listener, address, length, flags));
}

// Turns away whoever waits at `listener`, which does not block.
void TurnAway(int listener) {
  absl::MutexLock lock(&spare_mu);
  if (spare_lost) OpenSpare();
  while (spare >= 0) {
    close(spare);
    const int connection = SystemAccept(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection >= 0) close(connection);
    spare = -1;
    OpenSpare();
    if (connection < 0) return;
  }
}

}  // namespace

void GuardAccept() {
  absl::MutexLock lock(&spare_mu);
  OpenSpare();
}

}  // namespace lossd

// Takes the place of the C library's, also for the libraries of this process.
extern "C" ABSL_ATTRIBUTE_WEAK int accept4(int listener, sockaddr* address, socklen_t* length, int flags) {
  const int connection = lossd::SystemAccept(listener, address, length, flags);
  if (connection >= 0 && lossd::spare_lost.load(std::memory_order_relaxed)) lossd::GuardAccept();
  if (connection >= 0) lossd::TapConnection(connection);
  if (connection >= 0 || (errno != EMFILE && errno != ENFILE)) return connection;
  lossd::TurnAway(listener);
  errno = EAGAIN;
  return -1;
}
