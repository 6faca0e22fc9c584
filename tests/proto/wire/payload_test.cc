// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/payload.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/tensor/buffer_pool.h"
#include "gtest/gtest.h"
#include "tests/proto/wire/wire_bytes.h"

namespace lossd::wire {
namespace {

template <typename T>
std::string BytesOf(const std::vector<T>& elements) {
  return std::string(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T));
}

struct Gathered {
  std::string bytes;
  bool finite;
  std::optional<double> sum_of_squares;
};

// Gathers `bytes` from behind a prefix of `prefix` bytes and before a suffix, in slices of `size`.
Gathered Gather(const std::string& bytes, DType dtype, size_t size, size_t prefix, bool sum_squares = false) {
  const std::vector<grpc::Slice> slices = Cut(std::string(prefix, '\xff') + bytes + "\xff\xff\xff", size);
  const PayloadRange range = {prefix / size, prefix % size, static_cast<int64_t>(bytes.size())};
  BufferPool pool(0);
  const size_t stored = bytes.size() / SizeOf(dtype) * SizeOf(StorageDType(dtype));
  const Buffer buffer = pool.Allocate(stored + 1);
  buffer.data()[stored] = std::byte{0x5a};
  const InputSweep sweep = GatherPayload(slices, range, dtype, buffer.data(), sum_squares);
  EXPECT_EQ(buffer.data()[stored], std::byte{0x5a}) << "written behind the end";
  return {std::string(reinterpret_cast<const char*>(buffer.data()), stored), sweep.finite, sweep.sum_of_squares};
}

TEST(GatherPayloadTest, CopiesElementsThatStraddleSlices) {
  std::vector<double> doubles(50);
  for (size_t i = 0; i < doubles.size(); ++i) doubles[i] = std::sin(static_cast<double>(i));
  for (size_t size = 1; size <= 40; ++size) {
    for (size_t prefix : {0, 1, 7, 13}) {
      const Gathered gathered = Gather(BytesOf(doubles), DType::kFloat64, size, prefix);
      ASSERT_EQ(gathered.bytes, BytesOf(doubles)) << size << ", " << prefix;
      ASSERT_TRUE(gathered.finite);
    }
  }
}

TEST(GatherPayloadTest, CopiesPayloadsLargerThanItsBlocks) {
  std::vector<float> floats(100'003);
  std::mt19937 random(5);
  for (float& x : floats) x = static_cast<float>(random());
  for (size_t size : {4'099u, 65'536u, 65'537u, 1'000'000u}) {
    EXPECT_EQ(Gather(BytesOf(floats), DType::kFloat32, size, 11).bytes, BytesOf(floats));
    floats.back() = NAN;
    EXPECT_FALSE(Gather(BytesOf(floats), DType::kFloat32, size, 11).finite);
    floats.back() = 1;
  }
}

template <typename T>
std::vector<T> RandomNumbers(size_t count) {
  std::vector<T> numbers(count);
  std::mt19937 random(7);
  for (T& x : numbers) x = std::normal_distribution<T>()(random);
  return numbers;
}

template <typename T>
void ExpectSumsLikeScan(const std::vector<T>& numbers, DType dtype) {
  const std::string bytes = BytesOf(numbers);
  const double sum = Scan(dtype, numbers.data(), static_cast<int64_t>(numbers.size())).sum_of_squares;
  for (size_t size : {61u, 16'375u, 65'536u, 1'000'000u}) {
    const Gathered gathered = Gather(bytes, dtype, size, 11, /*sum_squares=*/true);
    ASSERT_TRUE(gathered.bytes == bytes) << size;
    ASSERT_EQ(gathered.sum_of_squares, sum) << size;
    ASSERT_TRUE(gathered.finite);
  }
}

TEST(GatherPayloadTest, SumsSquaresToTheBitInAnySlicing) {
  ExpectSumsLikeScan(RandomNumbers<float>(200'003), DType::kFloat32);
  ExpectSumsLikeScan(RandomNumbers<double>(200'003), DType::kFloat64);
  ExpectSumsLikeScan(std::vector<float>{3, 4}, DType::kFloat32);
}

TEST(GatherPayloadTest, CopiesAndSumsWhatGoesPastTheCaches) {
  ExpectSumsLikeScan(RandomNumbers<float>(kMinStreamedBytes / sizeof(float) + 3), DType::kFloat32);
  std::vector<float> numbers = RandomNumbers<float>(kMinStreamedBytes / sizeof(float) + 3);
  numbers[1'000'001] = INFINITY;
  for (const bool sum_squares : {false, true}) {
    EXPECT_FALSE(Gather(BytesOf(numbers), DType::kFloat32, 65'536, 11, sum_squares).finite);
  }
}

TEST(GatherPayloadTest, TellsASumThatOverflowsFromElementsThatAreNotFinite) {
  std::vector<double> large(300, 1e300);
  const Gathered overflown = Gather(BytesOf(large), DType::kFloat64, 100, 3, /*sum_squares=*/true);
  EXPECT_EQ(overflown.sum_of_squares, INFINITY);
  EXPECT_TRUE(overflown.finite);
  large[299] = NAN;
  EXPECT_FALSE(Gather(BytesOf(large), DType::kFloat64, 100, 3, /*sum_squares=*/true).finite);
}

TEST(GatherPayloadTest, SumsNothingThatIsNotAskedForOrNotOfItsTypes) {
  EXPECT_EQ(Gather(BytesOf(std::vector<float>{1}), DType::kFloat32, 4, 0).sum_of_squares, std::nullopt);
  EXPECT_EQ(Gather(BytesOf(std::vector<int32_t>{1}), DType::kInt32, 4, 0, true).sum_of_squares, std::nullopt);
  EXPECT_EQ(Gather(BytesOf(std::vector<uint16_t>{1}), DType::kFloat16, 4, 0, true).sum_of_squares, std::nullopt);
}

TEST(GatherPayloadTest, SeesTheOneNonFiniteElementInAnySlicing) {
  for (size_t size = 1; size <= 20; ++size) {
    for (size_t at = 0; at < 9; ++at) {
      std::vector<float> floats(9, 1.0f);
      floats[at] = at % 2 ? INFINITY : NAN;
      ASSERT_FALSE(Gather(BytesOf(floats), DType::kFloat32, size, 3).finite) << size << ", " << at;
      std::vector<double> doubles(9, 1.0);
      doubles[at] = -INFINITY;
      ASSERT_FALSE(Gather(BytesOf(doubles), DType::kFloat64, size, 3).finite) << size << ", " << at;
      std::vector<uint16_t> halves(9, 0x3c00);
      halves[at] = 0x7c00;
      ASSERT_FALSE(Gather(BytesOf(halves), DType::kFloat16, size, 3).finite) << size << ", " << at;
      ASSERT_TRUE(Gather(BytesOf(halves), DType::kBFloat16, size, 3).finite) << size << ", " << at;
    }
  }
}

TEST(GatherPayloadTest, WidensEveryHalfInAnySlicing) {
  std::vector<uint16_t> patterns(0x10000);
  for (size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<uint16_t>(i);
  for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
    const std::string expected = Gather(BytesOf(patterns), dtype, 1 << 20, 0).bytes;
    for (size_t size : {1, 2, 3, 17, 4097}) {
      for (size_t prefix : {0, 1}) ASSERT_EQ(Gather(BytesOf(patterns), dtype, size, prefix).bytes, expected) << size;
    }
    float one;
    const size_t at = (dtype == DType::kFloat16 ? 0x3c00 : 0x3f80) * sizeof(float);
    std::memcpy(&one, expected.data() + at, sizeof(one));
    EXPECT_EQ(one, 1.0f);
  }
}

TEST(GatherPayloadTest, TakesIntegersAsTheyAre) {
  const std::vector<int32_t> integers = {-1, 0x7f800000, std::numeric_limits<int32_t>::min()};
  const Gathered gathered = Gather(BytesOf(integers), DType::kInt32, 5, 2);
  EXPECT_EQ(gathered.bytes, BytesOf(integers));
  EXPECT_TRUE(gathered.finite);
}

TEST(GatherPayloadTest, TakesAnEmptyPayload) {
  EXPECT_TRUE(GatherPayload({}, PayloadRange(), DType::kFloat32, nullptr).finite);
  EXPECT_TRUE(GatherPayload({}, PayloadRange(), DType::kFloat16, nullptr).finite);
}

TEST(CopyPayloadTest, CopiesBytesToAnyAddress) {
  const std::vector<grpc::Slice> slices = Cut("..payload..", 3);
  std::string destination(9, '_');
  CopyPayload(slices, {0, 2, 7}, reinterpret_cast<std::byte*>(destination.data()) + 1);
  EXPECT_EQ(destination, "_payload_");
}

TEST(PayloadTest, HalvesThatADeviceWidensStayAsTheyAreAndAreLookedOver) {
  std::vector<uint16_t> halves(100, 0x3c00);
  for (const bool finite : {true, false}) {
    if (!finite) halves[77] = 0x7c01;  // A NaN of float16, a number of bfloat16.
    const std::string bytes = BytesOf(halves);
    const std::vector<grpc::Slice> slices = Cut(bytes, 7);
    const PayloadRange range = {0, 0, static_cast<int64_t>(bytes.size())};
    BufferPool pool(0);
    const Buffer buffer = pool.Allocate(bytes.size());
    for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
      const InputSweep sweep =
          GatherPayload(slices, range, dtype, buffer.data(), /*sum_squares=*/true, /*widens=*/false);
      EXPECT_EQ(std::string(reinterpret_cast<const char*>(buffer.data()), bytes.size()), bytes);
      EXPECT_EQ(sweep.finite, finite || dtype == DType::kBFloat16);
      EXPECT_FALSE(sweep.sum_of_squares.has_value());
    }
  }
}

}  // namespace
}  // namespace lossd::wire
