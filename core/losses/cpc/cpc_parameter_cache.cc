// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/cpc/cpc_parameter_cache.h"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

namespace lossd {

template <typename T>
std::shared_ptr<const CpcSeedParameters<T>> CpcParameterCache::Get(const CpcParameterKey& key, Parallel& parallel,
                                                                   absl::FunctionRef<bool()> stopped) {
  constexpr DType kType = std::is_same_v<T, float> ? DType::kFloat32 : DType::kFloat64;
  const auto make = [&]() -> std::shared_ptr<const void> {
    auto drawn = DrawCpcParametersUnless(stopped, key.seed, key.channels, key.dim);
    if (!drawn.has_value()) return nullptr;
    return std::make_shared<const CpcSeedParameters<T>>(*std::move(drawn), key.channels, key.dim, key.precision,
                                                        parallel);
  };
  return std::static_pointer_cast<const CpcSeedParameters<T>>(
      GetOrMake(key, kType, CpcSeedParameters<T>::Bytes(key.channels, key.dim), make));
}

std::shared_ptr<const void> CpcParameterCache::GetOrMake(const CpcParameterKey& key, DType dtype, int64_t bytes,
                                                         absl::FunctionRef<std::shared_ptr<const void>()> make) {
  {
    absl::MutexLock lock(&mu_);
    if (std::shared_ptr<const void> held = Find(key, dtype)) return held;
  }
  std::shared_ptr<const void> made = make();
  if (made != nullptr) Keep({key, dtype, bytes, made});
  return made;
}

std::shared_ptr<const void> CpcParameterCache::Find(const CpcParameterKey& key, DType dtype) {
  const auto entry =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.key == key && e.dtype == dtype; });
  if (entry == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, entry);
  return entries_.front().parameters;
}

void CpcParameterCache::Keep(Entry entry) {
  std::list<Entry> dropped;  // Freed after the lock.
  absl::MutexLock lock(&mu_);
  if (entry.bytes > max_bytes_ || Find(entry.key, entry.dtype) != nullptr) return;
  bytes_ += entry.bytes;
  entries_.push_front(std::move(entry));
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back().bytes;
    dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
  }
}

template std::shared_ptr<const CpcSeedParameters<float>> CpcParameterCache::Get(const CpcParameterKey&, Parallel&,
                                                                                absl::FunctionRef<bool()>);
template std::shared_ptr<const CpcSeedParameters<double>> CpcParameterCache::Get(const CpcParameterKey&, Parallel&,
                                                                                 absl::FunctionRef<bool()>);

}  // namespace lossd
