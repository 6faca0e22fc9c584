// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace lossd::load {
namespace {

constexpr int kLinearBits = 11;  // Values below 2^11 have a bucket each; then 2^10 buckets for each power of two.
constexpr int kMaxBits = 42;
constexpr int64_t kLinear = int64_t{1} << kLinearBits;
constexpr int64_t kHalf = kLinear / 2;
constexpr int64_t kLargest = (int64_t{1} << kMaxBits) - 1;

size_t BucketOf(int64_t value) {
  value = std::min(value, kLargest);
  if (value < kLinear) return static_cast<size_t>(value);
  const int shift = static_cast<int>(std::bit_width(static_cast<uint64_t>(value))) - kLinearBits;  // >= 1.
  return static_cast<size_t>(kLinear + (shift - 1) * kHalf + ((value >> shift) - kHalf));
}

// The largest value that falls into `bucket`.
int64_t EndOf(int64_t bucket) {
  if (bucket < kLinear) return bucket;
  const int64_t shift = (bucket - kLinear) / kHalf + 1;
  const int64_t step = (bucket - kLinear) % kHalf + kHalf;
  return ((step + 1) << shift) - 1;
}

}  // namespace

void Histogram::Add(absl::Duration value) {
  const int64_t nanoseconds = std::max<int64_t>(0, absl::ToInt64Nanoseconds(value));
  const size_t bucket = BucketOf(nanoseconds);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1, 0);
  ++buckets_[bucket];
  minimum_ = count_ == 0 ? nanoseconds : std::min(minimum_, nanoseconds);
  maximum_ = std::max(maximum_, nanoseconds);
  sum_ += static_cast<double>(nanoseconds);
  ++count_;
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  if (buckets_.size() < other.buckets_.size()) buckets_.resize(other.buckets_.size(), 0);
  for (size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  minimum_ = count_ == 0 ? other.minimum_ : std::min(minimum_, other.minimum_);
  maximum_ = std::max(maximum_, other.maximum_);
  sum_ += other.sum_;
  count_ += other.count_;
}

absl::Duration Histogram::Percentile(double share) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto wanted = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(share * static_cast<double>(count_))));
  int64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) return absl::Nanoseconds(std::min(EndOf(static_cast<int64_t>(i)), maximum_));
  }
  return Maximum();
}

absl::Duration Histogram::Minimum() const { return absl::Nanoseconds(minimum_); }
absl::Duration Histogram::Maximum() const { return absl::Nanoseconds(maximum_); }
absl::Duration Histogram::Mean() const {
  return count_ == 0 ? absl::ZeroDuration() : absl::Nanoseconds(sum_ / static_cast<double>(count_));
}

}  // namespace lossd::load
