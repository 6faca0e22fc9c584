// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The 44 parameters of CPC: their names, shapes, the reference's initialisation, and their form for the products.

#ifndef LOSSD_CORE_LOSSES_CPC_CPC_PARAMETERS_H_
#define LOSSD_CORE_LOSSES_CPC_CPC_PARAMETERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "core/engine/parallel.h"
#include "core/engine/workspace.h"
#include "core/losses/cpc/pixel_cnn_weights.h"
#include "core/losses/cpc/pointwise_convolution.h"
#include "core/tensor/tensor_spec.h"

namespace lossd {

// The parameters in the order of the reference's state_dict, which is also the order of their initialisation. The
// PixelCNN's blocks follow the first four.
enum CpcParameter : size_t {
  kTargetWeight,      // [D, C, 1, 1]
  kTargetBias,        // [D]
  kPredictionWeight,  // [D, C, 1, 1]
  kPredictionBias,    // [D]
};
inline constexpr size_t kContextParameters = 4;  // Where the PixelCNN's begin.
inline constexpr size_t kCpcParameters = kContextParameters + kPixelCnnParameters;

// Name, "parameters.context_cnn.blocks.0.2.weight", and shape of every parameter for C channels and target dimension D.
std::vector<TensorSpec> CpcParameterSpecs(int64_t channels, int64_t dim, DType dtype);

// All weights in the form in which the products read them. T is float or double.
template <typename T>
struct CpcWeights {
  PackedWeight<T> target;
  PackedWeight<T> prediction;
  const T* target_bias;      // [D], borrowed.
  const T* prediction_bias;  // [D], borrowed.
  PixelCnnWeights<T> context;
};

// Takes memory for the weights of kCpcParameters parameters that lie outside the PixelCNN; `context` remains to be set
// by TakePixelCnnWeights.
template <typename T>
CpcWeights<T> TakeProjections(int64_t channels, int64_t dim, absl::Span<const T* const> parameters,
                              GemmPrecision precision, Workspace& workspace);

// Packs them for both ways.
template <typename T>
void PackProjections(absl::Span<const T* const> parameters, const CpcWeights<T>& weights);

// The float32 values that torch gives the parameters after torch.manual_seed(seed), drawing one word an element:
// weights by kaiming_uniform_(a = sqrt(5)), biases uniformly within 1 / sqrt(fan_in).
using DrawnCpcParameters = std::array<std::vector<float>, kCpcParameters>;
DrawnCpcParameters DrawCpcParameters(uint64_t seed, int64_t channels, int64_t dim);

// The same, unless `stopped` says so meanwhile, which is asked after some tens of microseconds each: nullopt then.
std::optional<DrawnCpcParameters> DrawCpcParametersUnless(absl::FunctionRef<bool()> stopped, uint64_t seed,
                                                          int64_t channels, int64_t dim);

// Parameters as the reference initialises them after seed_everything(seed), for T = double widened from float32 as
// torch's module.double() does; packed for products of `precision`. Immutable, owns its memory.
template <typename T>
class CpcSeedParameters {
 public:
  CpcSeedParameters(uint64_t seed, int64_t channels, int64_t dim, GemmPrecision precision, Parallel& parallel);
  // Of what was drawn for C and D.
  CpcSeedParameters(DrawnCpcParameters drawn, int64_t channels, int64_t dim, GemmPrecision precision,
                    Parallel& parallel);
  CpcSeedParameters(const CpcSeedParameters&) = delete;
  CpcSeedParameters& operator=(const CpcSeedParameters&) = delete;

  const CpcWeights<T>& weights() const { return weights_; }

  // Bytes that an object for C and D occupies,
  static int64_t Bytes(int64_t channels, int64_t dim);
  // and those that are needed besides while it is made: what was drawn and not yet arranged.
  static int64_t BytesToMake(int64_t channels, int64_t dim);

 private:
  std::array<std::vector<T>, kCpcParameters> values_;  // What weights_ borrows; else empty.
  std::vector<std::byte> arranged_;
  CpcWeights<T> weights_;
};

}  // namespace lossd

#endif  // LOSSD_CORE_LOSSES_CPC_CPC_PARAMETERS_H_
