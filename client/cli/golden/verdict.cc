// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/golden/verdict.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lossd::cli {
absl::string_view OutcomeName(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPassed:
      return "passed";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kRefused:
      return "refused as expected";
    case Outcome::kInformative:
      return "informative";
    case Outcome::kSkipped:
      return "skipped";
  }
  return "";
}

std::string StatusText(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message());
}

bool Findings::Expect(const absl::Status& status) {
  const bool compared = status.code() == absl::StatusCode::kOutOfRange;  // The code of comparisons says nothing more.
  if (!status.ok()) problems_.push_back(compared ? std::string(status.message()) : StatusText(status));
  return status.ok();
}

void Findings::Note(absl::string_view text) { notes_.emplace_back(text); }

Verdict Findings::Conclude(Outcome outcome) const {
  constexpr size_t kShown = 3;
  if (problems_.empty()) return {outcome, absl::StrJoin(notes_, "; ")};
  const size_t shown = std::min(problems_.size(), kShown);
  std::string detail = absl::StrJoin(problems_.begin(), problems_.begin() + static_cast<ptrdiff_t>(shown), "; ");
  if (problems_.size() > shown) absl::StrAppend(&detail, "; and ", problems_.size() - shown, " more");
  return {Outcome::kFailed, detail};
}

}  // namespace lossd::cli
