// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps listeners alive when the process runs out of file descriptors.

#ifndef LOSSD_SERVER_ACCEPT_GUARD_H_
#define LOSSD_SERVER_ACCEPT_GUARD_H_

namespace lossd {

// Sets a file descriptor aside. From then on accept4 of this process does not fail for want of one: connections for
// which none is left are accepted with the spare one and closed at once, and the caller is told that nobody is there
// (EAGAIN). A spare one that was lost is replaced as soon as there are some again. Without that, a listener of gRPC
// 1.51 stops accepting for good at the first such failure (CVE-2023-4785). May be called more than once. Thread-safe.
void GuardAccept();

}  // namespace lossd

#endif  // LOSSD_SERVER_ACCEPT_GUARD_H_
