// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The operators as grouped tensor operations on a device of LibTorch.

#ifndef LOSSD_CORE_LOSSES_ATEN_ATEN_OPERATORS_H_
#define LOSSD_CORE_LOSSES_ATEN_ATEN_OPERATORS_H_

#include <memory>

#include "core/losses/aten/target.h"
#include "core/losses/operator_loss.h"

namespace lossd::aten {

// As AtenLoss: the operations of a batch follow each other on the calling thread, and what is computed for a group does
// not depend on the others.
std::shared_ptr<const Operators> MakeAtenOperators(const Target& target);

}  // namespace lossd::aten

#endif  // LOSSD_CORE_LOSSES_ATEN_ATEN_OPERATORS_H_
