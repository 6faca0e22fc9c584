// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/source_sampling.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <random>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "core/random/numpy_random_state.h"
#include "core/random/torch_generator.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr absl::string_view kPositions = "loss.feature_map_contrastive.sampling.positions";
constexpr absl::string_view kSeed = "loss.feature_map_contrastive.sampling.seed";
constexpr uint64_t kMaxSkip = uint64_t{1} << 26;

bool IsRandom(const Comparison& comparison) {
  return !comparison.anchor.has_value() || !comparison.positive.has_value();
}

bool HasRandom(const SamplingSpace& space) {
  return std::any_of(space.comparisons.begin(), space.comparisons.end(), IsRandom);
}

// Remembers for each map the first use of it as a source: the place of its positions in [K, directions, B].
class FirstUses {
 public:
  explicit FirstUses(const SamplingSpace& space) {
    for (size_t side : {kAnchor, kPositive}) places_[side].resize(space.locations[side].size(), -1);
  }

  // The place of the map's first use, which is `place` if it was not used before.
  int64_t Enter(int side, int32_t map, int64_t place) {
    int64_t& first = places_[static_cast<size_t>(side)][static_cast<size_t>(map)];
    if (first < 0) first = place;
    return first;
  }

 private:
  std::array<absl::InlinedVector<int64_t, 16>, 2> places_;
};

absl::Status CheckPosition(const SamplingSpace& space, int side, int32_t map, int64_t place, int32_t value) {
  const int32_t locations = space.locations[static_cast<size_t>(side)][static_cast<size_t>(map)];
  if (value >= 0 && value < locations) return absl::OkStatus();
  return InvalidField(absl::StrCat(kPositions, ".values[", place, "]"),
                      absl::StrCat("expected 0 <= position < ", locations, " of ",
                                   side == kAnchor ? "anchor." : "positive.", map, ", got ", value));
}

absl::Status CheckPositions(const SamplingSpace& space, const std::vector<int32_t>& values) {
  const auto pairs = static_cast<int64_t>(space.comparisons.size());
  const int64_t expected = pairs * space.directions * space.images;
  if (static_cast<int64_t>(values.size()) != expected) {
    return InvalidField(absl::StrCat(kPositions, ".values"),
                        absl::StrCat("expected ", expected, " values (", pairs, " comparisons x ", space.directions,
                                     " directions x ", space.images, " images), got ", values.size()));
  }
  FirstUses uses(space);
  int64_t place = 0;
  for (const Comparison& comparison : space.comparisons) {
    for (int direction = 0; direction < space.directions; ++direction) {
      const int64_t first = uses.Enter(direction, *comparison.anchor, place);
      for (int64_t b = 0; b < space.images; ++b, ++place) {
        const int32_t value = values[static_cast<size_t>(place)];
        LOSSD_RETURN_IF_ERROR(CheckPosition(space, direction, *comparison.anchor, place, value));
        const int32_t shared = values[static_cast<size_t>(first + b)];
        if (space.share_source_samples && value != shared) {
          return InvalidField(absl::StrCat(kPositions, ".values[", place, "]"),
                              absl::StrCat("expected ", shared, " as in values[", first + b,
                                           "], the same source under share_source_samples, got ", value));
        }
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSkip(absl::string_view name, uint64_t words) {
  if (words <= kMaxSkip) return absl::OkStatus();
  return InvalidField(absl::StrCat(kSeed, ".", name), absl::StrCat("expected at most 2^26 words, got ", words));
}

absl::Status CheckSeed(const SamplingSpace& space, const SamplingSeed& seed) {
  if (!seed.torch_seed.has_value() && !seed.numpy_seed.has_value()) {
    return InvalidField(kSeed, "expected torch_seed or numpy_seed, got neither");
  }
  const bool numpy_matters = seed.numpy_seed.has_value() || HasRandom(space);
  const uint64_t numpy_seed = seed.numpy_seed.has_value() ? *seed.numpy_seed : *seed.torch_seed;
  if (numpy_matters && numpy_seed > UINT32_MAX) {
    return InvalidField(absl::StrCat(kSeed, ".numpy_seed"),
                        absl::StrCat("expected a value below 2^32, got ", numpy_seed,
                                     seed.numpy_seed.has_value() ? "" : " (of torch_seed)"));
  }
  LOSSD_RETURN_IF_ERROR(CheckSkip("torch_skip", seed.torch_skip));
  return CheckSkip("numpy_skip", seed.numpy_skip);
}

// Draws what the reference would.
class Draws {
 public:
  Draws(const SamplingSpace& space, const SamplingSeed& seed)
      : space_(space), torch_(seed.torch_seed.has_value() ? *seed.torch_seed : *seed.numpy_seed), uses_(space) {
    torch_.Skip(seed.torch_skip);
    if (!HasRandom(space)) return;
    numpy_.emplace(static_cast<uint32_t>(seed.numpy_seed.has_value() ? *seed.numpy_seed : *seed.torch_seed));
    numpy_->Skip(seed.numpy_skip);
  }

  // The index itself, or one of the anchors' indices for `r`.
  int32_t Index(std::optional<int32_t> index) {
    if (index.has_value()) return *index;
    return static_cast<int32_t>(numpy_->RandInt(static_cast<uint32_t>(space_.locations[kAnchor].size())));
  }

  // Positions of one direction, at `place` of `positions`.
  void Positions(int side, int32_t map, int64_t place, int32_t* positions) {
    const int64_t first = space_.share_source_samples ? uses_.Enter(side, map, place) : place;
    if (first != place) {
      std::copy_n(positions + first, space_.images, positions + place);
      return;
    }
    const auto locations = static_cast<uint32_t>(space_.locations[static_cast<size_t>(side)][static_cast<size_t>(map)]);
    for (int64_t b = 0; b < space_.images; ++b) positions[place + b] = static_cast<int32_t>(torch_.RandInt(locations));
  }

 private:
  const SamplingSpace& space_;
  TorchGenerator torch_;
  std::optional<NumpyRandomState> numpy_;  // Present if needed: seeding it takes a microsecond.
  FirstUses uses_;
};

void Draw(const SamplingSpace& space, const SamplingSeed& seed, int32_t* comparisons, int32_t* positions) {
  Draws draws(space, seed);
  int64_t place = 0;
  for (const Comparison& comparison : space.comparisons) {
    const int32_t anchor = draws.Index(comparison.anchor);
    *comparisons++ = anchor;
    *comparisons++ = draws.Index(comparison.positive);
    for (int direction = 0; direction < space.directions; ++direction, place += space.images) {
      draws.Positions(direction, anchor, place, positions);
    }
  }
}

SamplingSeed EntropySeed() {
  std::random_device entropy;
  return {.torch_seed = entropy(), .numpy_seed = entropy()};
}

}  // namespace

absl::Status CheckSampling(const SamplingSpace& space, const Sampling& sampling) {
  if (const auto* seed = std::get_if<SamplingSeed>(&sampling)) return CheckSeed(space, *seed);
  const auto* positions = std::get_if<ExplicitPositions>(&sampling);
  if (positions == nullptr) return absl::OkStatus();
  if (HasRandom(space)) {
    return InvalidField(kPositions, "expected a seed or nothing beside an r comparison, got positions");
  }
  return CheckPositions(space, positions->values);
}

void ResolveSampling(const SamplingSpace& space, const Sampling& sampling, int32_t* comparisons, int32_t* positions) {
  if (const auto* seed = std::get_if<SamplingSeed>(&sampling)) return Draw(space, *seed, comparisons, positions);
  const auto* given = std::get_if<ExplicitPositions>(&sampling);
  if (given == nullptr) return Draw(space, EntropySeed(), comparisons, positions);
  for (const Comparison& comparison : space.comparisons) {
    *comparisons++ = *comparison.anchor;
    *comparisons++ = *comparison.positive;
  }
  std::copy(given->values.begin(), given->values.end(), positions);
}

}  // namespace lossd
