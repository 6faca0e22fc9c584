// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/load/load_request.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cpp/codec.h"
#include "client/cpp/payload_hold.h"
#include "core/losses/registry.h"
#include "core/status/status_macros.h"
#include "core/tensor/convert.h"

namespace lossd::load {
namespace {

template <typename T, typename Distribution>
void Fill(const Tensor& tensor, uint64_t seed, Distribution distribution) {
  std::mt19937_64 random(seed);
  for (T& element : tensor.elements<T>()) element = static_cast<T>(distribution(random));
}

}  // namespace

absl::StatusOr<LoadRequest> LoadRequest::Encode(const client::ComputeRequest& request,
                                                std::optional<absl::Duration> message_timeout) {
  const client::PayloadHold hold;  // Every input has an owner of its own.
  LOSSD_ASSIGN_OR_RETURN(const grpc::ByteBuffer message,
                         client::EncodeRequest(request, std::numeric_limits<int32_t>::max(), message_timeout, hold));
  LoadRequest result;
  result.bytes_ = static_cast<int64_t>(message.Length());
  if (!message.Dump(&result.slices_).ok()) return absl::InternalError("the encoded request cannot be read");
  return result;
}

grpc::ByteBuffer LoadRequest::Message() const { return grpc::ByteBuffer(slices_.data(), slices_.size()); }

grpc::ByteBuffer LoadRequest::Message(const std::string& request_id) const {
  std::string field = {'\x0a', static_cast<char>(request_id.size())};  // Field 1, of less than 128 bytes.
  field += request_id;
  std::vector<grpc::Slice> slices = {grpc::Slice(field)};
  slices.insert(slices.end(), slices_.begin(), slices_.end());
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::vector<TensorSpec> InputsOfShape(const client::LossSpec& loss, const Shape& shape, DType dtype, int maps) {
  static const auto* const losses = new std::vector<LossDescription>(LossRegistry(MakeTileLosses(0)).Describe());
  if (loss.index() == 0) return {};
  std::vector<TensorSpec> specs;
  for (const LossInputDescription& input : (*losses)[loss.index() - 1].inputs) {
    if (input.optional) continue;
    Shape own = shape;
    if (!input.shape.empty()) own.resize(std::min(own.size(), input.shape.size()));
    const DType own_dtype = input.integer ? DType::kInt64 : dtype;
    absl::string_view family = input.name;
    if (!absl::ConsumeSuffix(&family, "*")) {
      specs.push_back({input.name, own_dtype, own});
      continue;
    }
    const int count = std::holds_alternative<client::FeatureMapContrastive>(loss) ? maps : 1;
    for (int i = 0; i < count; ++i) specs.push_back({absl::StrCat(family, i), own_dtype, own});
  }
  return specs;
}

Tensor RandomTensor(const TensorSpec& spec, uint64_t seed) {
  BufferPool pool(0);
  Tensor tensor(spec, pool.Allocate(static_cast<size_t>(ByteSize(spec))));
  std::normal_distribution<double> normal;
  std::uniform_int_distribution<int> digit(0, 9);
  switch (spec.dtype) {
    case DType::kFloat64:
      Fill<double>(tensor, seed, normal);
      break;
    case DType::kInt32:
      Fill<int32_t>(tensor, seed, digit);
      break;
    case DType::kInt64:
      Fill<int64_t>(tensor, seed, digit);
      break;
    case DType::kUint8:
      Fill<uint8_t>(tensor, seed, digit);
      break;
    case DType::kFloat32:
      Fill<float>(tensor, seed, normal);
      break;
    default: {  // 16-bit floats.
      const Tensor wide = RandomTensor({spec.name, DType::kFloat32, spec.shape}, seed);
      RoundTo(DType::kFloat32, wide.bytes(), spec.dtype, tensor.bytes(), tensor.element_count());
    }
  }
  return tensor;
}

client::LossSpec WithFixedDraws(client::LossSpec loss, uint64_t seed) {
  auto* const contrastive = std::get_if<client::FeatureMapContrastive>(&loss);
  if (contrastive == nullptr || !std::holds_alternative<std::monostate>(contrastive->sampling)) return loss;
  client::Seed draws;
  draws.torch_seed = seed & 0xffffffffu;  // What numpy takes as well.
  contrastive->sampling = draws;
  return loss;
}

}  // namespace lossd::load
