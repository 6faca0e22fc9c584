// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/e2e/siege.h"

#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd::testing {
namespace {

constexpr int64_t kPeacefulCalls = 100;
constexpr char kToken[] = "correct-horse-battery-staple";

// What most of the calls on each path came to, and the last of them.
void PrintEndings(const std::vector<Ending>& endings) {
  std::map<std::string, std::pair<int, Ending>> kinds;
  for (const Ending& ending : endings) {
    auto& [count, last] = kinds[absl::StrCat(ending.name, ending.path, ending.with_token, static_cast<int>(ending.how),
                                             " ", ending.status, " ", ending.error)];
    ++count;
    if (count == 1 || ending.after > last.after) last = ending;
  }
  for (const auto& [kind, value] : kinds)
    std::cout << absl::StrFormat("  %5d x %s\n", value.first, Describe(value.second));
}

}  // namespace

Siege::Siege(const Options& options) : options_(options), crowd_(std::make_unique<RogueCrowd>()) {
  std::vector<std::string> flags = {"--threads=1", "--log_level=error",
                                    absl::StrCat("--transfer_timeout=", absl::FormatDuration(kTransferTimeout))};
  if (options.tls) {
    const CertificateAuthority authority("root");
    root_ = authority.certificate();
    folder_.Write(authority.Issue("server"));
    flags.push_back("--tls_cert_file=" + folder_.certificate());
    flags.push_back("--tls_key_file=" + folder_.key());
  }
  if (options.tokens) {
    folder_.Write(folder_.tokens(), absl::StrCat(kToken, "\n"));
    flags.push_back("--auth_token_file=" + folder_.tokens());
  }
  flags.insert(flags.end(), options.flags.begin(), options.flags.end());
  server_ = std::make_unique<WatchedServer>(flags);
  bystander_ = std::make_unique<Bystander>(server_->address(), Credentials());
  bystander_->MakeCalls(kPeacefulCalls, "in peace");
  server_->ForgetPeak();
  before_ = server_->Megabytes();
}

BystanderOptions Siege::Credentials() const { return {.tls_root = root_, .token = options_.tokens ? kToken : ""}; }

void Siege::Add(const std::string& address, RoguePlan plan, bool with_token, int connections) {
  plan.tls = options_.tls;
  if (with_token) plan.token = kToken;
  EXPECT_OK(crowd_->Add(address, plan, connections));
}

std::vector<Ending> Siege::Hold(const std::string& what, absl::Duration longest) {
  std::vector<Ending> endings;
  std::atomic<bool> over = false;
  std::thread waiter([&] {
    endings = crowd_->Await(longest);
    over = true;
  });
  const int64_t failed = bystander_->TryCallsUntil([&] { return over.load(); }, what);
  waiter.join();
  EXPECT_EQ(failed, 0) << what << ": calls of the bystander that failed, the last one with "
                       << bystander_->last_error();
  Print(what, endings);
  return endings;
}

std::vector<Ending> Siege::Endure(const std::string& what, absl::Duration longest) {
  std::vector<Ending> endings = crowd_->Await(longest);
  Print(what, endings);
  return endings;
}

void Siege::Print(const std::string& what, const std::vector<Ending>& endings) const {
  std::cout << absl::StrFormat("%s: %.1f MB resident before, %.1f MB more at the peak\n", what, before_, Megabytes());
  PrintEndings(endings);
}

void Siege::Lift() {
  crowd_ = std::make_unique<RogueCrowd>();
  Bystander newcomer(server_->address(), Credentials());
  newcomer.MakeCall();
  server_->AwaitMetric("lossd_inflight_bytes", 0, absl::Seconds(10));
  EXPECT_EQ(server_->process().Stop(), 0);
}

void ExpectCutOff(const std::vector<Ending>& endings) {
  std::map<std::string, std::pair<int, Ending>> late;
  for (const Ending& ending : endings) {
    if (ending.how != Ending::How::kOpen && ending.after <= Siege::kCutOff) continue;
    auto& [count, example] = late[absl::StrCat(ending.name, ending.path, ending.with_token)];
    if (++count == 1) example = ending;
  }
  for (const auto& [kind, value] : late) {
    ADD_FAILURE() << value.first << " not cut off within " << Siege::kCutOff << ": " << Describe(value.second);
  }
}

}  // namespace lossd::testing
