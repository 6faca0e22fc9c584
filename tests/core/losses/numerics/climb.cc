// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/climb.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"

namespace lossd::testing {
namespace {

constexpr int kDraws = 12;   // Of which the best is where a climb begins.
constexpr int kLooks = 100;  // Where no time is given: the same ones in every run.

std::optional<double> NumberFrom(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? std::nullopt : std::optional(std::atof(text));
}

}  // namespace

Climb::Climb(const std::function<double(const Genes&)>& share_of)
    : seed_(static_cast<uint64_t>(NumberFrom("LOSSD_SEARCH_SEED").value_or(1))) {
  constexpr int kPatience = 40;  // Looks without anything better, until it begins again.
  std::mt19937_64 random(seed_);
  const std::optional<double> seconds = NumberFrom("LOSSD_SEARCH_SECONDS");
  timed_ = seconds.has_value();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds.value_or(0));
  const auto goes_on = [&] {
    return seconds.has_value() ? std::chrono::steady_clock::now() < end : looked_at_ < kLooks;
  };
  const auto look_at = [&](const Genes& genes) {
    ++looked_at_;
    const double share = share_of(genes);
    return std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
  };
  do {
    Genes top = DrawGenes(random);
    double share = look_at(top);
    for (int drawn = 1; drawn < kDraws && goes_on(); ++drawn) {
      const Genes genes = DrawGenes(random);
      const double other = look_at(genes);
      if (other > share) top = genes;
      share = std::max(share, other);
    }
    for (int since = 0; since < kPatience && goes_on(); ++since) {
      const Genes genes = Mutated(top, random);
      const double other = look_at(genes);
      if (other <= share) continue;
      top = genes;
      share = other;
      since = 0;
    }
    if (share > worst_) genes_ = top;
    worst_ = std::max(worst_, share);
  } while (goes_on());
}

std::string Climb::text() const {
  return absl::StrCat("seed ", seed_, ", ", looked_at_, " looked at, worst ", worst_, ": ");
}

}  // namespace lossd::testing
