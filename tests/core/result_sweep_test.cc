// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/result_sweep.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lossd {
namespace {

// Runs the iterations backwards, each on a thread of its own.
class Backwards final : public Parallel {
 public:
  void For(int64_t count, absl::FunctionRef<void(int64_t)> body) override {
    std::vector<std::thread> threads;
    for (int64_t i = count - 1; i >= 0; --i) threads.emplace_back([body, i] { body(i); });
    for (std::thread& thread : threads) thread.join();
  }
};

class ResultSweepTest : public ::testing::Test {
 protected:
  Tensor MakeTensor(DType dtype, int64_t count) {
    return Tensor({"x", dtype, {count}}, pool_.Allocate(static_cast<size_t>(count) * SizeOf(dtype)));
  }
  Tensor MakeRandom(int64_t count) {
    Tensor tensor = MakeTensor(DType::kFloat32, count);
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    for (float& value : tensor.elements<float>()) value = normal(random);
    return tensor;
  }

  BufferPool pool_{1 << 20};
  Serial serial_;
};

TEST_F(ResultSweepTest, NormIsThatOfTheElementsAndItsBitsDoNotDependOnThreads) {
  const Tensor tensor = MakeRandom(5 * kSweepChunk + 3);
  double expected = 0;
  for (float value : tensor.elements<float>()) expected += static_cast<double>(value) * value;
  Backwards backwards;
  const SweepStats serial = SweepGradient(serial_, tensor, tensor);
  EXPECT_NEAR(serial.sum_of_squares, expected, 1e-10 * expected);
  EXPECT_EQ(SweepGradient(backwards, tensor, tensor).sum_of_squares, serial.sum_of_squares);
  EXPECT_TRUE(serial.finite);
}

TEST_F(ResultSweepTest, LooksOverSixteenBitsAsTheyAre) {
  const Tensor wide = MakeRandom(kSweepChunk + 5000);
  for (const DType dtype : {DType::kFloat16, DType::kBFloat16}) {
    const Tensor narrow = MakeTensor(dtype, wide.element_count());
    const SweepStats rounding = SweepGradient(serial_, wide, narrow);
    const SweepStats rounded = SweepGradient(serial_, narrow, narrow);
    EXPECT_TRUE(rounded.finite);
    EXPECT_NEAR(rounded.sum_of_squares, rounding.sum_of_squares, 1e-4 * rounding.sum_of_squares);
    narrow.data<uint16_t>()[wide.element_count() - 1] = 0x7fff;
    EXPECT_FALSE(SweepGradient(serial_, narrow, narrow).finite);
  }
}

TEST_F(ResultSweepTest, FindsANanInTheLastElement) {
  const Tensor tensor = MakeRandom(2 * kSweepChunk + 1);
  tensor.data<float>()[2 * kSweepChunk] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(SweepGradient(serial_, tensor, tensor).finite);
  EXPECT_FALSE(IsFinite(serial_, tensor));
}

TEST_F(ResultSweepTest, RoundsEveryElementAlsoBeyondTheFirstChunk) {
  const Tensor tensor = MakeRandom(kSweepChunk + 5);
  const Tensor rounded = MakeTensor(DType::kFloat64, kSweepChunk + 5);
  SweepGradient(serial_, tensor, rounded);
  for (int64_t i = 0; i < tensor.element_count(); ++i) {
    ASSERT_EQ(rounded.data<double>()[i], static_cast<double>(tensor.data<float>()[i]));
  }
}

TEST_F(ResultSweepTest, IntegersAreFinite) {
  const Tensor tensor = MakeTensor(DType::kInt32, 4);
  for (int32_t& value : tensor.elements<int32_t>()) value = 0x7f800000;  // An infinity, were it a float.
  EXPECT_TRUE(IsFinite(serial_, tensor));
}

}  // namespace
}  // namespace lossd
