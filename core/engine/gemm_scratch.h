// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A thread's memory for packing.

#ifndef LOSSD_CORE_ENGINE_GEMM_SCRATCH_H_
#define LOSSD_CORE_ENGINE_GEMM_SCRATCH_H_

namespace lossd {

// kGemmScratchBytes bytes that belong to the calling thread until it ends, aligned to a page. Allocated at the first
// call; throws std::bad_alloc if that fails. Products use it while they run and leave nothing in it.
void* GemmScratch();

}  // namespace lossd

#endif  // LOSSD_CORE_ENGINE_GEMM_SCRATCH_H_
