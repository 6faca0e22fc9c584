// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/pixel_cnn.h"

#include <ATen/ATen.h>

#include "core/losses/aten/products.h"

namespace lossd::aten {
namespace {

enum Dimension { kRow = 2, kColumn = 3, kChannel = 4 };

// [G, ..., C] as [G, positions, C].
at::Tensor Flat(const at::Tensor& map) { return map.reshape({map.size(0), -1, map.size(-1)}); }

at::Tensor ForAllGroups(const Target& target, const at::Tensor& weights, int64_t groups) {
  return Operand(target, weights).expand({groups, weights.size(1), weights.size(2)});
}

at::Tensor ShapedLike(const at::Tensor& flat, const at::Tensor& map) {
  std::vector<int64_t> sizes(map.sizes().begin(), map.sizes().end());
  sizes.back() = flat.size(-1);
  return flat.view(sizes);
}

// What the three taps of `across` read: [.., w, 256] to [.., w - 2, 3 * 256].
at::Tensor AcrossInput(const at::Tensor& entry) {
  const int64_t columns = entry.size(kColumn) - 2;
  return at::cat(
      {entry.narrow(kColumn, 0, columns), entry.narrow(kColumn, 1, columns), entry.narrow(kColumn, 2, columns)},
      kChannel);
}

// What the two taps of `down` read, the row above (ones above the first row) and the row: [.., 256] to [.., 2 * 256].
at::Tensor DownInput(const at::Tensor& across) {
  const int64_t rows = across.size(kRow);
  const at::Tensor ones = at::ones_like(across.narrow(kRow, 0, 1));
  return at::cat({at::cat({ones, across.narrow(kRow, 0, rows - 1)}, kRow), across}, kChannel);
}

// `inner` between the two columns that see zeros only.
at::Tensor WithOuterColumns(const at::Tensor& inner, const at::Tensor& bias) {
  const at::Tensor outer = bias.relu()
                               .view({bias.size(0), 1, 1, 1, -1})
                               .expand({inner.size(0), inner.size(1), inner.size(kRow), 1, inner.size(kChannel)});
  return at::cat({outer, inner, outer}, kColumn);
}

PixelCnnTrace RunBlock(const Target& target, const at::Tensor& c, const PixelCnnBlock& block) {
  PixelCnnTrace trace;
  trace.c = c;
  trace.entry = Convolve(target, c, block.entry, block.entry_bias).relu_();
  trace.across = Convolve(target, AcrossInput(trace.entry), block.across, block.across_bias);
  const at::Tensor down = Convolve(target, DownInput(trace.across), block.down, block.down_bias).relu_();
  trace.down = WithOuterColumns(down, block.down_bias);
  return trace;
}

// The gradient of `across`' result from that of DownInput's.
at::Tensor DownInputBack(const at::Tensor& gradient) {
  const int64_t hidden = gradient.size(kChannel) / 2;
  const int64_t rows = gradient.size(kRow);
  at::Tensor across = gradient.narrow(kChannel, hidden, hidden).contiguous();
  across.narrow(kRow, 0, rows - 1).add_(gradient.narrow(kRow, 1, rows - 1).narrow(kChannel, 0, hidden));
  return across;
}

// The gradient of `entry`'s result from that of AcrossInput's.
at::Tensor AcrossInputBack(const at::Tensor& gradient, const at::Tensor& entry) {
  const int64_t hidden = entry.size(kChannel);
  const int64_t columns = gradient.size(kColumn);
  at::Tensor back = at::zeros_like(entry);
  for (int64_t tap = 0; tap < kAcrossTaps; ++tap) {
    back.narrow(kColumn, tap, columns).add_(gradient.narrow(kChannel, tap * hidden, hidden));
  }
  return back;
}

// Adds to `gradient`, that of the block's result, what comes back through the block.
void RunBlockBackward(const Target& target, at::Tensor& gradient, const PixelCnnTrace& trace,
                      const PixelCnnBlock& block, PixelCnnBlock* weights) {
  const at::Tensor down = ConvolveBack(target, gradient, block.exit).masked_fill_(trace.down.le(0), 0);
  const at::Tensor inner = down.narrow(kColumn, 1, down.size(kColumn) - 2).contiguous();
  const at::Tensor across = DownInputBack(ConvolveBack(target, inner, block.down));
  const at::Tensor entry =
      AcrossInputBack(ConvolveBack(target, across, block.across), trace.entry).masked_fill_(trace.entry.le(0), 0);
  if (weights != nullptr) {
    *weights = {.entry = Correlate(target, entry, trace.c),
                .entry_bias = SumOverPositions(entry),
                .across = Correlate(target, across, AcrossInput(trace.entry)),
                .across_bias = SumOverPositions(across),
                .down = Correlate(target, inner, DownInput(trace.across)),
                .down_bias = SumOverPositions(down),
                .exit = Correlate(target, gradient, trace.down),
                .exit_bias = SumOverPositions(gradient)};
  }
  gradient.add_(ConvolveBack(target, entry, block.entry));
}

}  // namespace

at::Tensor Convolve(const Target& target, const at::Tensor& rows, const at::Tensor& weights, const at::Tensor& bias) {
  at::Tensor result = Multiply(target, Flat(rows), ForAllGroups(target, weights, rows.size(0)).transpose(1, 2));
  return ShapedLike(result.add_(bias.unsqueeze(1)), rows);
}

at::Tensor ConvolveBack(const Target& target, const at::Tensor& gradient, const at::Tensor& weights) {
  return ShapedLike(Multiply(target, Flat(gradient), ForAllGroups(target, weights, gradient.size(0))), gradient);
}

at::Tensor Correlate(const Target& target, const at::Tensor& gradient, const at::Tensor& rows) {
  return Multiply(target, Flat(gradient).transpose(1, 2), Flat(rows));
}

at::Tensor SumOverPositions(const at::Tensor& gradient) { return Flat(gradient).sum(1); }

PixelCnnContext RunPixelCnn(const Target& target, const at::Tensor& input, const PixelCnnBlocks& blocks,
                            bool keep_trace) {
  PixelCnnContext result;
  at::Tensor c = input;
  for (const PixelCnnBlock& block : blocks) {
    PixelCnnTrace trace = RunBlock(target, c, block);
    c = c + Convolve(target, trace.down, block.exit, block.exit_bias);
    if (keep_trace) result.trace.push_back(std::move(trace));
  }
  result.context = c.relu_();
  return result;
}

at::Tensor RunPixelCnnBackward(const Target& target, at::Tensor gradient, const PixelCnnContext& forward,
                               const PixelCnnBlocks& blocks, PixelCnnBlocks* weight_gradients) {
  gradient.masked_fill_(forward.context.le(0), 0);
  for (size_t b = kPixelCnnBlocks; b-- > 0;) {
    RunBlockBackward(target, gradient, forward.trace[b], blocks[b],
                     weight_gradients != nullptr ? &(*weight_gradients)[b] : nullptr);
  }
  return gradient;
}

}  // namespace lossd::aten
