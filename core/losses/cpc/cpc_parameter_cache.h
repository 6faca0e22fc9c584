// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Keeps the parameters that CPC initialises from seeds.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_PARAMETER_CACHE_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_PARAMETER_CACHE_H_

#include <cstdint>
#include <list>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "core/engine/gemm_precision.h"
#include "core/engine/parallel.h"
#include "core/losses/cpc/cpc_parameters.h"
#include "core/tensor/dtype.h"

namespace lossd {

// What decides the parameters' values, and for which products they are packed.
struct CpcParameterKey {
  uint64_t seed = 0;
  int64_t channels = 0;
  int64_t dim = 0;
  GemmPrecision precision = GemmPrecision::kFloat32;
  friend bool operator==(const CpcParameterKey&, const CpcParameterKey&) = default;
};

// Holds parameter sets of at most so many bytes; the one that was not used for longest goes first. A set larger than
// the bound is made and not kept. Sets in use live on, uncounted, after they left. Thread-safe; sets are made without
// the lock, so that two threads may make the same one, of which one is kept.
class CpcParameterCache {
 public:
  explicit CpcParameterCache(int64_t max_bytes) : max_bytes_(max_bytes) {}
  CpcParameterCache(const CpcParameterCache&) = delete;
  CpcParameterCache& operator=(const CpcParameterCache&) = delete;

  // The set for `key`, from the cache or newly made. T is float or double. Null if it had to be made and `stopped` said
  // meanwhile that nobody wants it any more.
  template <typename T>
  std::shared_ptr<const CpcSeedParameters<T>> Get(
      const CpcParameterKey& key, Parallel& parallel, absl::FunctionRef<bool()> stopped = [] { return false; });

  // The set for `key` in any other form, one form a cache: held under `dtype`, or made by `make` and held as `bytes`
  // bytes, unless it makes null.
  std::shared_ptr<const void> GetOrMake(const CpcParameterKey& key, DType dtype, int64_t bytes,
                                        absl::FunctionRef<std::shared_ptr<const void>()> make);

 private:
  struct Entry {
    CpcParameterKey key;
    DType dtype;
    int64_t bytes;
    std::shared_ptr<const void> parameters;
  };

  // The set if it is held, which makes it the latest used; else null.
  std::shared_ptr<const void> Find(const CpcParameterKey& key, DType dtype) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Keeps a set, unless an equal one is held by now or it is too large.
  void Keep(Entry entry);

  const int64_t max_bytes_;
  absl::Mutex mu_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mu_);  // Latest used first.
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_PARAMETER_CACHE_H_
