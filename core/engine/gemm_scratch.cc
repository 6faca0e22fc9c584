// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/gemm_scratch.h"

#include <memory>
#include <new>

#include "core/engine/gemm.h"

namespace lossd {
namespace {

constexpr std::align_val_t kPage{4096};

struct PageDelete {
  void operator()(void* memory) const { ::operator delete(memory, kPage); }
};

}  // namespace

void* GemmScratch() {
  thread_local const std::unique_ptr<void, PageDelete> memory(::operator new(kGemmScratchBytes, kPage));
  return memory.get();
}

}  // namespace lossd
