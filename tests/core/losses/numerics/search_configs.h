// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Configurations as points of a space that a search can walk through.

#ifndef LOSSD_TESTS_CORE_LOSSES_NUMERICS_SEARCH_CONFIGS_H_
#define LOSSD_TESTS_CORE_LOSSES_NUMERICS_SEARCH_CONFIGS_H_

#include <functional>
#include <string>

#include "core/losses/loss_config.h"
#include "tests/core/losses/numerics/gene_reader.h"

namespace lossd::testing {

// Draws every field of a configuration that is a flag, a number, a choice or made of such, as the configuration lists
// them. A field whose value the loss does not take, as `is_taken` says of the configuration as it is, keeps the one
// that it had.
void DrawConfig(GeneReader& reader, const std::function<bool()>& is_taken, LossConfig& config);

// Its fields that have a value, in one line.
std::string TextOfConfig(const LossConfig& config);

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_NUMERICS_SEARCH_CONFIGS_H_
