// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/device_pass.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "core/engine/rounding.h"
#include "core/losses/aten/group_tensors.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/dtype.h"

namespace lossd::aten {
namespace {

constexpr int64_t kFewNotes = 1024;  // Bytes for requests that bring no room for them.

thread_local DevicePass* current = nullptr;

// Adds a piece, or makes the last one longer where they touch on both sides. What aligns a piece may be copied with it.
void AddPiece(std::vector<RegionPiece>& pieces, RegionPiece piece) {
  if (!pieces.empty()) {
    RegionPiece& last = pieces.back();
    if (last.host + AlignedSize(last.bytes) == piece.host && last.offset + AlignedSize(last.bytes) == piece.offset) {
      last.bytes = AlignedSize(last.bytes) + piece.bytes;
      return;
    }
  }
  pieces.push_back(piece);
}

}  // namespace

DevicePass::DevicePass(Groups groups, const Target& target, BufferPool& staging)
    : groups_(groups),
      target_(target),
      device_(target.device),
      staging_(staging),
      outer_(std::exchange(current, this)) {
  batch_.requests.resize(groups.size());
  PlanUp();
  PlanDown();
}

DevicePass::~DevicePass() { current = outer_; }

DevicePass* DevicePass::Current() { return current; }

void DevicePass::PlanUp() {
  for (const Tensor& input : groups_[0]->inputs) {
    inputs_.push_back({batch_.up_bytes, input.spec(), true});
    batch_.up_bytes += AlignedSize(input.byte_size());
  }
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const Tensor& input = groups_[g]->inputs[i];
      if (input.byte_size() > 0) AddPiece(batch_.requests[g].up, {input.bytes(), inputs_[i].offset, input.byte_size()});
    }
  }
}

void DevicePass::PlanDown() {
  gradients_.resize(groups_[0]->gradients.size());
  for (size_t i = 0; i < gradients_.size(); ++i) {
    const auto wants = [i](const LossTask* task) { return static_cast<bool>(task->gradients[i].buffer()); };
    const auto first = std::find_if(groups_.begin(), groups_.end(), wants);
    if (first == groups_.end()) continue;
    gradients_[i] = {batch_.down_bytes, (*first)->gradients[i].spec(), true};
    batch_.down_bytes += AlignedSize((*first)->gradients[i].byte_size());
  }
  notes_offset_ = batch_.down_bytes;
  notes_bytes_ = groups_[0]->notes.empty() ? kFewNotes : static_cast<int64_t>(groups_[0]->notes.size());
  batch_.down_bytes += notes_bytes_;
  for (size_t g = 0; g < groups_.size(); ++g) {
    std::vector<RegionPiece>& pieces = batch_.requests[g].down;
    for (size_t i = 0; i < gradients_.size(); ++i) {
      const Tensor& gradient = groups_[g]->gradients[i];
      if (gradient.buffer() && gradient.byte_size() > 0) {
        AddPiece(pieces, {gradient.bytes(), gradients_[i].offset, gradient.byte_size()});
      }
    }
    if (groups_[g]->notes.empty()) kept_.push_back(staging_.Allocate(kFewNotes));
    notes_.push_back(groups_[g]->notes.empty() ? kept_.back().data() : groups_[g]->notes.data());
    AddPiece(pieces, {notes_.back(), notes_offset_, notes_bytes_});
  }
}

size_t DevicePass::PositionOf(const LossTask* task) const {
  return static_cast<size_t>(std::find(groups_.begin(), groups_.end(), task) - groups_.begin());
}

bool DevicePass::IsWhole(Groups groups) const {
  return std::equal(groups.begin(), groups.end(), groups_.begin(), groups_.end());
}

at::Tensor DevicePass::AllOf(const Place& place, std::byte* first, int64_t stride) const {
  const at::ScalarType type = ScalarTypeOf(place.spec.dtype);
  std::vector<int64_t> sizes = {static_cast<int64_t>(groups_.size())};
  sizes.insert(sizes.end(), place.spec.shape.begin(), place.spec.shape.end());
  std::vector<int64_t> strides(sizes.size(), 1);
  for (size_t d = sizes.size() - 1; d > 1; --d) strides[d - 1] = strides[d] * sizes[d];
  strides[0] = stride / static_cast<int64_t>(c10::elementSize(type));
  return at::from_blob(first + place.offset, sizes, strides, at::TensorOptions(type).device(device_));
}

at::Tensor DevicePass::InputAsSent(Groups groups, size_t input) const {
  at::Tensor all = AllOf(inputs_[input], regions_.up, regions_.up_stride);
  if (IsWhole(groups)) return all;
  std::vector<at::Tensor> some;
  for (const LossTask* task : groups) some.push_back(all.select(0, static_cast<int64_t>(PositionOf(task))));
  return at::stack(some);
}

at::Tensor DevicePass::Input(Groups groups, size_t input) const {
  const at::Tensor sent = InputAsSent(groups, input);
  return IsNarrow(sent.scalar_type()) ? sent.to(at::kFloat) : sent;
}

void DevicePass::WriteGradient(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& squares) {
  const auto wants = [index](const LossTask* task) { return static_cast<bool>(task->gradients[index].buffer()); };
  if (std::none_of(groups.begin(), groups.end(), wants)) return;
  // What comes down is what is looked over: float32 may not hold what float64 does.
  const at::Tensor all = AllOf(gradients_[index], regions_.down, regions_.down_stride);
  const bool whole = IsWhole(groups) && std::all_of(groups.begin(), groups.end(), wants);
  at::Tensor rounded = all;
  if (IsNarrow(all.scalar_type())) {
    if (!whole) rounded = at::empty_like(all.narrow(0, 0, gradient.size(0)), at::MemoryFormat::Contiguous);
    Round(groups, index, gradient, rounded);
  } else {
    rounded = whole ? all.copy_(gradient.reshape(all.sizes())) : gradient.to(all.scalar_type());
    SweepGradient(groups, index, rounded, squares);
  }
  if (whole) return;
  for (size_t g = 0; g < groups.size(); ++g) {
    if (!wants(groups[g])) continue;
    const at::Tensor to = all.select(0, static_cast<int64_t>(PositionOf(groups[g])));
    to.copy_(rounded.select(0, static_cast<int64_t>(g)).reshape(to.sizes()));
  }
}

// Rounds [G, ...] into `to`, whose groups lie without gaps, and looks it over meanwhile.
void DevicePass::Round(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& to) {
  const int64_t count = gradient.numel() / gradient.size(0);
  if (count == 0) return;
  ForType(gradient.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const at::Tensor from = gradient.reshape({gradient.size(0), count}).contiguous();
    RoundSweep<T> sweep;
    sweep.numbers = ElementsOf<T>(from);
    sweep.group_stride = count;
    sweep.rounded = static_cast<uint16_t*>(to.data_ptr());
    sweep.rounded_stride = to.stride(0);
    sweep.type = NarrowTypeOf(to.scalar_type());
    sweep.group_count = from.size(0);
    sweep.count = count;
    const at::Tensor seen = at::empty({from.size(0), sweep.units(), 2}, from.options().dtype(at::kDouble));
    sweep.seen = static_cast<RoundedSums*>(seen.data_ptr());
    target_.Run(sweep);
    if (groups[0]->swept.empty()) return;
    BringDown(groups, seen.sum(1),
              [tasks = std::vector<LossTask*>(groups.begin(), groups.end()), index](const at::Tensor& host) {
                const double* sums = host.data_ptr<double>();
                for (LossTask* task : tasks) {
                  task->swept[index] = SweepStats{sums[1] == 0, sums[0]};
                  sums += 2;
                }
              });
  });
}

// The sum of squares, so that the host need not look a gradient over. Where it overflows float32 the host does look.
void DevicePass::SweepGradient(Groups groups, size_t index, const at::Tensor& gradient, const at::Tensor& squares) {
  if (groups[0]->swept.empty()) return;
  const at::Tensor parts = squares.defined() ? squares : gradient.square();
  const at::Tensor sums = parts.reshape({parts.size(0), -1}).sum(1, /*keepdim=*/false, at::kDouble);
  BringDown(groups, sums,
            [tasks = std::vector<LossTask*>(groups.begin(), groups.end()), index](const at::Tensor& host) {
              const double* sum = host.data_ptr<double>();
              for (LossTask* task : tasks) {
                if (std::isfinite(*sum)) task->swept[index] = SweepStats{true, *sum};
                ++sum;
              }
            });
}

void DevicePass::WriteZeroGradient(Groups groups, size_t index) const {
  for (const LossTask* task : groups) {
    if (!task->gradients[index].buffer()) continue;
    AllOf(gradients_[index], regions_.down, regions_.down_stride)
        .select(0, static_cast<int64_t>(PositionOf(task)))
        .zero_();
    if (!task->swept.empty()) task->swept[index] = SweepStats{};
  }
}

void DevicePass::BringDown(Groups groups, const at::Tensor& values, HostCallback callback) {
  const int64_t row_bytes = values.numel() / values.size(0) * static_cast<int64_t>(values.element_size());
  if (notes_used_ + row_bytes > notes_bytes_) throw std::length_error("the loss takes too many notes");
  Brought brought{{},
                  std::exchange(notes_used_, notes_used_ + RoundedUp(row_bytes, int64_t{8})),
                  at::empty(values.sizes(), values.options().device(at::kCPU)),
                  std::move(callback)};
  const at::Tensor rows = values.reshape({values.size(0), -1});
  for (size_t g = 0; g < groups.size(); ++g) brought.positions.push_back(PositionOf(groups[g]));
  std::byte* const first = regions_.down + notes_offset_ + brought.offset;
  const int64_t stride = regions_.down_stride / static_cast<int64_t>(values.element_size());
  const at::Tensor all = at::from_blob(first, {static_cast<int64_t>(groups_.size()), rows.size(1)}, {stride, 1},
                                       values.options().device(device_));
  if (IsWhole(groups)) {
    all.copy_(rows);
  } else {
    for (size_t g = 0; g < groups.size(); ++g) {
      all.select(0, static_cast<int64_t>(brought.positions[g])).copy_(rows.select(0, static_cast<int64_t>(g)));
    }
  }
  brought_.push_back(std::move(brought));
}

at::Tensor DevicePass::SendUp(const at::Tensor& host) {
  const at::Tensor packed = host.contiguous();
  kept_.push_back(staging_.Allocate(packed.nbytes()));
  std::memcpy(kept_.back().data(), packed.data_ptr(), packed.nbytes());
  const at::Tensor staged = at::from_blob(kept_.back().data(), packed.sizes(), packed.options());
  return at::empty(packed.sizes(), packed.options().device(device_)).copy_(staged, /*non_blocking=*/true);
}

void DevicePass::Finish() {
  for (const Brought& brought : brought_) {
    auto* to = static_cast<std::byte*>(brought.host.data_ptr());
    const size_t row_bytes = brought.host.nbytes() / brought.positions.size();
    for (size_t g = 0; g < brought.positions.size(); ++g) {
      std::memcpy(to + g * row_bytes, notes_[brought.positions[g]] + brought.offset, row_bytes);
    }
    brought.callback(brought.host);
  }
}

}  // namespace lossd::aten
