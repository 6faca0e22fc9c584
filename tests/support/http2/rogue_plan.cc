// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/http2/rogue_plan.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace lossd::testing {
namespace {

std::string HowItEnded(const Ending& ending) {
  switch (ending.how) {
    case Ending::How::kOpen:
      return "still open";
    case Ending::How::kAnswered:
      return absl::StrCat("status ", ending.status, " '", ending.message, "'");
    case Ending::How::kReset:
      return absl::StrCat("reset with ", ending.error);
    case Ending::How::kGoaway:
      return "not taken by a connection that goes away";
    case Ending::How::kClosed:
      return "connection closed";
  }
  return "";
}

}  // namespace

std::string Describe(const Ending& ending) {
  return absl::StrFormat("%s: %s %s a token: %s after %.2f s, sent %d bytes, received %d", ending.name, ending.path,
                         ending.with_token ? "with" : "without", HowItEnded(ending),
                         absl::ToDoubleSeconds(ending.after), ending.sent, ending.received);
}

}  // namespace lossd::testing
