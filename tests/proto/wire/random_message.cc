// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/proto/wire/random_message.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/tensor/dtype.h"
#include "lossd/v1/loss_service.pb.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

using Fields = std::vector<std::string>;

std::string RandomBytes(size_t size, std::mt19937& random) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// Of a number that no message has: LossSpec's members end at 11.
std::string UnknownField(std::mt19937& random, int depth = 0) {
  const auto number = static_cast<uint32_t>(random() % 4 == 0 ? 16 + random() % 100'000 : 12 + random() % 3);
  switch (random() % (depth < 4 ? 6 : 4)) {
    case 0:
      return VarintField(number, random() * uint64_t{random()});
    case 1:
      return Fixed32Field(number, static_cast<uint32_t>(random()));
    case 2:
      return Fixed64Field(number, random() * uint64_t{random()});
    case 3:
      return BytesField(number, RandomBytes(random() % 200, random));
    case 4:
      return GroupField(number, "");
    default:
      return GroupField(number, UnknownField(random, depth + 1) + UnknownField(random, depth + 1));
  }
}

// Known numbers with wire types they do not have: unknown fields for protobuf.
std::string MismatchedField(std::mt19937& random) {
  switch (random() % 4) {
    case 0:
      return VarintField(15, random());
    case 1:
      return GroupField(1, UnknownField(random));
    case 2:
      return Fixed32Field(3, static_cast<uint32_t>(random()));
    default:
      return GroupField(15, BytesField(15, "a group's payload"));
  }
}

std::string ShuffledWithOddities(Fields fields, std::mt19937& random) {
  while (random() % 3 == 0) fields.push_back(UnknownField(random));
  if (random() % 4 == 0) fields.push_back(MismatchedField(random));
  std::shuffle(fields.begin(), fields.end(), random);
  std::string bytes;
  for (const std::string& field : fields) bytes += field;
  return bytes;
}

// Packed, unpacked, or both; shapes join in the order of their parts, so these stay together.
std::string ShapeFields(const std::vector<int64_t>& shape, std::mt19937& random) {
  std::string bytes;
  for (size_t i = 0; i < shape.size();) {
    const size_t part = 1 + random() % (shape.size() - i);
    std::string packed;
    for (size_t k = i; k < i + part; ++k) {
      const uint64_t extent = static_cast<uint64_t>(shape[k]);
      packed += random() % 4 == 0 ? PaddedVarint(extent, 10) : Varint(extent);
    }
    bytes += random() % 2 || part > 1 ? BytesField(3, packed) : Tag(3, 0) + packed;
    i += part;
  }
  return bytes;
}

std::string RandomTensor(const std::string& name, std::mt19937& random) {
  const int dtype = 1 + static_cast<int>(random() % 7);
  std::vector<int64_t> shape(random() % 5);
  size_t bytes = SizeOf(static_cast<DType>(dtype));
  for (int64_t& extent : shape) bytes *= static_cast<size_t>(extent = static_cast<int64_t>(random() % 6));
  // Of repeated singular fields the last wins; the ones before them stay before them.
  std::string named = BytesField(1, name), data = BytesField(15, RandomBytes(bytes, random)),
              typed = VarintField(2, static_cast<uint64_t>(dtype));
  if (random() % 4 == 0) named = BytesField(1, "superseded") + named;
  if (random() % 4 == 0) data = BytesField(15, RandomBytes(random() % 100, random)) + data;
  if (random() % 4 == 0) typed = VarintField(2, random() % 20) + typed;
  return ShuffledWithOddities({named, typed, ShapeFields(shape, random), data}, random);
}

void AppendTensors(uint32_t number, Fields& fields, std::mt19937& random) {
  const size_t count = random() % 6;
  for (size_t i = 0; i < count; ++i) {
    fields.push_back(BytesField(number, RandomTensor(absl::StrCat("anchor.", i), random)));
  }
}

v1::ComputeRequest RandomHeader(std::mt19937& random) {
  v1::ComputeRequest header;
  header.set_request_id(absl::StrCat("request ", random() % 1000, "\u00e9"));
  v1::FeatureMapContrastive* loss = header.mutable_loss()->mutable_feature_map_contrastive();
  loss->set_comparisons("00, 1r");
  loss->set_tclip(static_cast<double>(random() % 100));
  for (int i = 0; i < static_cast<int>(random() % 20); ++i) {
    loss->mutable_sampling()->mutable_positions()->add_values(static_cast<int>(random()));
  }
  header.mutable_gradients()->set_mode(v1::GradientOptions::MODE_NAMED);
  header.mutable_gradients()->add_names("anchor.*");
  header.mutable_gradients()->add_names("positive.1");
  header.mutable_options()->mutable_timeout()->set_seconds(static_cast<int64_t>(random() % 9));
  return header;
}

}  // namespace

std::string RandomRequest(std::mt19937& random) {
  Fields fields;
  const v1::ComputeRequest header = RandomHeader(random);
  fields.push_back(BytesField(1, header.request_id()));
  fields.push_back(BytesField(6, header.options().SerializeAsString()));
  // A submessage in two parts, which merge; the second may name another loss, which then wins.
  fields.push_back(BytesField(2, ShuffledWithOddities({header.loss().SerializeAsString()}, random)));
  if (random() % 2) fields.push_back(BytesField(2, BytesField(3, "")));
  if (random() % 2) fields.push_back(BytesField(2, BytesField(1, BytesField(1, "11"))));
  fields.push_back(BytesField(3, header.gradients().SerializeAsString()));
  if (random() % 2) fields.push_back(BytesField(3, VarintField(1, 2) + BytesField(2, "more")));
  AppendTensors(15, fields, random);
  return ShuffledWithOddities(std::move(fields), random);
}

std::string RandomResponse(std::mt19937& random) {
  v1::ComputeResponse header;
  header.set_objective(static_cast<double>(random()));
  header.mutable_timing()->set_batch_requests(static_cast<int>(random() % 64));
  header.add_nonfinite("anchor.0");
  header.mutable_status()->set_message("refused");
  Fields fields = {header.SerializeAsString(), BytesField(1, "request")};
  AppendTensors(3, fields, random);
  AppendTensors(15, fields, random);
  return ShuffledWithOddities(std::move(fields), random);
}

std::string Mutated(std::string bytes, std::mt19937& random) {
  for (size_t changes = 1 + random() % 3; changes > 0 && !bytes.empty(); --changes) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes.erase(at, 1 + random() % 3);
        break;
      case 1:
        bytes.insert(at, RandomBytes(1 + random() % 3, random));
        break;
      case 2:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      default:
        bytes[at] = static_cast<char>(random());
    }
  }
  return bytes;
}

}  // namespace lossd::wire
