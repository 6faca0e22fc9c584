// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Requests as points of a space that a search can walk through: shapes, kinds of values, signs, sizes, configurations.

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_SEARCH_CASES_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_SEARCH_CASES_H_

#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "tests/core/losses/numerics/gene_reader.h"
#include "tests/support/loss_runs.h"

namespace lossd::testing {

// Names of the inputs that every request of a loss has, floating ones or labels; of a family, its first.
std::vector<std::string> RequiredInputs(size_t loss, bool labels);

Genes DrawGenes(std::mt19937_64& random);
// Changes some genes, a little or altogether.
Genes Mutated(const Genes& genes, std::mt19937_64& random);

// The request of loss `loss` < kLossCount that genes stand for: equal genes, equal requests. Inputs, those that may be
// left out among them, are the ones that the loss describes; configurations are search_configs.h's. Every request is
// one that the loss takes.
TestCase CaseOf(size_t loss, const Genes& genes);

// What a case is, in one line.
std::string TextOf(size_t loss, const Genes& genes);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_SEARCH_CASES_H_
