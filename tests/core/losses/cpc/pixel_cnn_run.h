// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs the PixelCNN's passes on the values of a case, in memory of its own.

#ifndef LOSSD_TESTS_CORE_LOSSES_CPC_PIXEL_CNN_RUN_H_
#define LOSSD_TESTS_CORE_LOSSES_CPC_PIXEL_CNN_RUN_H_

#include <vector>

#include "core/losses/cpc/pixel_cnn.h"
#include "core/losses/cpc/pixel_cnn_backward.h"
#include "tests/support/cpc_oracle.h"

namespace lossd::testing {

// The shapes of a case.
inline PixelCnnShape ShapeOf(const CpcCase& values) {
  return {values.batch, values.channels, values.height, values.width};
}

// A forward pass and, if called, a backward pass after it.
template <typename T>
class PixelCnnRun {
 public:
  PixelCnnRun(const CpcCase& values, const PixelCnnKeeping& keeping, Parallel& parallel)
      : shape_(ShapeOf(values)), buffer_(pool_.Allocate(size_t{64} << 20)), parallel_(parallel) {
    for (const auto& parameter : values.parameters) parameters_.emplace_back(parameter.begin(), parameter.end());
    std::vector<const T*> pointers;
    for (size_t p = kContextParameters; p < kCpcParameters; ++p) pointers.push_back(parameters_[p].data());
    weights_ =
        TakePixelCnnWeights<T>(shape_.channels, pointers, BlockMemory::kTurns, GemmPrecision::kFloat32, workspace_);
    weights_.scratch = workspace_.Take<T>(kArrangeScratchElements);
    T* const input = workspace_.Take<T>(shape_.positions() * shape_.channels);
    activations_ = TakeActivations<T>(shape_, keeping, input, workspace_);
    ForEachElement([&](int64_t position, int64_t channel, size_t index) {
      activations_.c[0][position * shape_.channels + channel] = static_cast<T>(values.z[index]);
    });
    const PixelCnnForward<T> pass = {&weights_, activations_, nullptr};
    RunPixelCnn<T>(shape_, {&pass, 1}, parallel);
  }

  // Calls `body(position, channel, index into [B, C, H, W])` for the rows that are computed.
  template <typename Body>
  void ForEachElement(const Body& body) const {
    for (int64_t b = 0; b < shape_.batch; ++b) {
      for (int64_t c = 0; c < shape_.channels; ++c) {
        for (int64_t r = 0; r < shape_.rows(); ++r) {
          for (int64_t x = 0; x < shape_.width; ++x) {
            const int64_t index = ((b * shape_.channels + c) * shape_.height + r) * shape_.width + x;
            body((r * shape_.width + x) * shape_.batch + b, c, static_cast<size_t>(index));
          }
        }
      }
    }
  }

  // The context, an element of [B, C, H, W] at its index; 0 in the rows that are not computed.
  std::vector<double> Context() const { return Gathered(activations_.c[kPixelCnnBlocks]); }

  // Gradients of the parameters of sum(upstream * context); returns that of the input, [B, C, H, W].
  std::vector<double> Backward(const std::vector<double>& upstream, bool weights) {
    PixelCnnBackward<T> pass{};
    pass.weights = &weights_;
    pass.activations = activations_;
    T* const c = workspace_.Take<T>(shape_.positions() * shape_.channels);
    pass.gradients = TakeGradients(shape_, activations_, c, weights_.scratch, workspace_);
    pass.input_wanted = true;
    pass.scale = 1;
    ForEachElement([&](int64_t position, int64_t channel, size_t index) {
      const int64_t i = position * shape_.channels + channel;
      const bool on = activations_.c[kPixelCnnBlocks][i] > 0;
      pass.gradients.c[i] = on ? static_cast<T>(upstream[index]) : T{0};
    });
    gradients_.clear();
    for (size_t p = 0; weights && p < kPixelCnnParameters; ++p) {
      gradients_.emplace_back(parameters_[kContextParameters + p].size());
    }
    for (size_t p = 0; p < gradients_.size(); ++p) pass.parameters[p] = gradients_[p].data();
    RunPixelCnnBackward<T>(shape_, {&pass, 1}, parallel_);
    return Gathered(pass.gradients.c);
  }

  const PixelCnnActivations<T>& activations() const { return activations_; }
  // Of the parameters behind the first four, after Backward.
  const std::vector<std::vector<T>>& gradients() const { return gradients_; }

 private:
  std::vector<double> Gathered(const T* map) const {
    std::vector<double> values(static_cast<size_t>(shape_.batch * shape_.channels * shape_.height * shape_.width));
    ForEachElement([&](int64_t position, int64_t channel, size_t index) {
      values[index] = static_cast<double>(map[position * shape_.channels + channel]);
    });
    return values;
  }

  PixelCnnShape shape_;
  BufferPool pool_{0};
  Buffer buffer_;
  Workspace workspace_{buffer_.data()};
  Parallel& parallel_;
  std::vector<std::vector<T>> parameters_;
  PixelCnnWeights<T> weights_;
  PixelCnnActivations<T> activations_;
  std::vector<std::vector<T>> gradients_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_CORE_LOSSES_CPC_PIXEL_CNN_RUN_H_
