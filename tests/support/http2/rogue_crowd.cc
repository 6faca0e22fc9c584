// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/rogue_crowd.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "core/status/status_macros.h"

namespace lossd::testing {
namespace {

constexpr int kWaitMilliseconds = 5;  // The finest step of a slow writer or reader.

// As many open files as the system lets a process have.
void RaiseFileLimit() {
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

RogueCrowd::RogueCrowd() {
  RaiseFileLimit();
  thread_ = std::thread([this] { Run(); });
}

RogueCrowd::~RogueCrowd() {
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  thread_.join();
}

absl::Status RogueCrowd::Add(const std::string& address, const RoguePlan& plan, int connections) {
  const RoguePlan* kept = nullptr;
  {
    absl::MutexLock lock(&mu_);
    kept = &plans_.emplace_back(plan);
  }
  ByteStream::Options options;
  options.tls = plan.tls;
  options.receive_buffer = static_cast<int>(plan.read_bytes);
  for (int i = 0; i < connections; ++i) {
    LOSSD_ASSIGN_OR_RETURN(auto stream, ByteStream::Open(address, options));
    absl::MutexLock lock(&mu_);
    connections_.push_back(std::make_unique<RogueConnection>(std::move(stream), *kept));
  }
  return absl::OkStatus();
}

bool RogueCrowd::AwaitSent(absl::Duration longest) {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithTimeout(absl::Condition(this, &RogueCrowd::AllHaveSent), longest);
}

std::vector<Ending> RogueCrowd::Await(absl::Duration longest) {
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &RogueCrowd::AllEnded), longest);
  const absl::Time now = absl::Now();
  std::vector<Ending> endings;
  for (const auto& connection : connections_) {
    for (Ending& ending : connection->Endings(now)) endings.push_back(std::move(ending));
  }
  return endings;
}

bool RogueCrowd::AllHaveSent() const {
  return std::all_of(connections_.begin(), connections_.end(), [](const auto& each) { return each->HasSent(); });
}

bool RogueCrowd::AllEnded() const {
  return std::none_of(connections_.begin(), connections_.end(), [](const auto& each) { return each->IsOpen(); });
}

void RogueCrowd::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      if (stop_) return;
      Advance();
    }
    WaitForSockets();
  }
}

void RogueCrowd::Advance() {
  for (const auto& connection : connections_) {
    if (connection->IsOpen()) connection->Advance(absl::Now());
  }
}

void RogueCrowd::WaitForSockets() {
  std::vector<pollfd> sockets;
  {
    absl::MutexLock lock(&mu_);
    const absl::Time now = absl::Now();
    for (const auto& connection : connections_) {
      const int events = (connection->WantsToWrite() ? POLLOUT : 0) | (connection->WantsToRead(now) ? POLLIN : 0);
      if (connection->IsOpen() && events != 0)
        sockets.push_back({connection->descriptor(), static_cast<short>(events), 0});
    }
  }
  poll(sockets.data(), sockets.size(), kWaitMilliseconds);
}

}  // namespace lossd::testing
