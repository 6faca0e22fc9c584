// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// How much a test may do where its program is slow.

#ifndef LOSSD_TESTS_SUPPORT_SANITIZERS_H_
#define LOSSD_TESTS_SUPPORT_SANITIZERS_H_

namespace lossd::testing {

// Whether a sanitizer checks this program's memory or threads, which makes it five to twenty times as slow. What a test
// repeats to meet rare numbers it repeats less often then: a sanitizer looks for wrong accesses, not for wrong numbers.
#if defined(__SANITIZE_ADDRESS__) || defined(LOSSD_THREAD_SANITIZER)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_SANITIZERS_H_
