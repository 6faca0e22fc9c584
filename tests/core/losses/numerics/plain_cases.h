// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// A plain request of every loss of the table, and the real numbers of its configuration, for tests that drive them to
// the ends of what numbers can be.

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_PLAIN_CASES_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_PLAIN_CASES_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/core/losses/numerics/exact_loss.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

// A real number of a request, by its name on the wire.
struct Knob {
  std::string name;
  std::function<void(double)> set;
};

// The real numbers of the configuration and the scale of gradients, which is the last. `request` outlives them.
std::vector<Knob> KnobsOf(ComputeSpec& request);

// A request of loss `loss` < kLossCount with the inputs that it cannot do without, of so many rows of normally
// distributed numbers, labels in turn. Of maps, rows are images of width channels and 2 x 2 locations; of cpc, rows of
// two maps.
TestCase PlainCase(size_t loss, int64_t rows, int64_t width, DType dtype);

// What is wrong with a result, given the exact one in extended precision; nothing where it is as docs/losses.md says:
// numbers within what is allowed, infinities where numbers or their terms are beyond the type's range, NaN where scores
// of a softmax are.
std::string ComplaintOf(const TestCase& test_case, const TestResult& result, const ExactResult& exact);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_PLAIN_CASES_H_
