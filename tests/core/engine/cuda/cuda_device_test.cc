// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/cuda/cuda_device.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <thread>

#include "core/engine/cuda/cuda_cards.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace lossd {
namespace {

// What needs a card says so where there is none.
class CudaDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto card = FindCard(0);
    if (!card.ok()) GTEST_SKIP() << "not run on a card: " << card.status().message();
    ASSERT_OK_AND_ASSIGN(device_, MakeCudaDevice(0));
  }

  std::unique_ptr<Device> device_;
};

TEST_F(CudaDeviceTest, BytesComeBackAsTheyWentUp) {
  constexpr int64_t kBytes = 1 << 20;
  const auto memory = device_->host_memory();
  std::byte* const up = memory->Allocate(kBytes);
  std::byte* const down = memory->Allocate(kBytes);
  std::memset(up, 0x5a, kBytes);
  ASSERT_OK_AND_ASSIGN(std::byte* const there, device_->Allocate(kBytes));
  ASSERT_OK_AND_ASSIGN(const auto uploaded, device_->MakeEvent());
  ASSERT_OK_AND_ASSIGN(const auto downloaded, device_->MakeEvent());
  ASSERT_OK(device_->CopyUp(there, up, kBytes));
  ASSERT_OK(device_->Record(DeviceStream::kUpload, *uploaded));
  ASSERT_OK(device_->Wait(DeviceStream::kDownload, *uploaded));
  ASSERT_OK(device_->CopyDown(down, there, kBytes));
  ASSERT_OK(device_->Record(DeviceStream::kDownload, *downloaded));
  ASSERT_OK(device_->Synchronize(*downloaded));
  EXPECT_EQ(std::memcmp(up, down, kBytes), 0);
  EXPECT_GT(device_->Elapsed(*uploaded, *downloaded), absl::ZeroDuration());
  device_->Free(there);
  memory->Free(up, kBytes);
  memory->Free(down, kBytes);
}

TEST_F(CudaDeviceTest, TooMuchMemoryIsResourceExhaustedAndTheDeviceGoesOn) {
  EXPECT_THAT(device_->Allocate(int64_t{1} << 50),
              ::lossd::testing::StatusIs(absl::StatusCode::kResourceExhausted, ::testing::HasSubstr("no memory")));
  EXPECT_OK(device_->SynchronizeAll());
  EXPECT_GT(device_->free_bytes(), 0);
  EXPECT_LE(device_->free_bytes(), device_->total_bytes());
}

// As copiers and gRPC's threads do. Where there is a second card, nothing on the first may come of it.
TEST_F(CudaDeviceTest, AFreshThreadPinsThroughTheDevicesOwnCard) {
  if (!FindCard(1).ok()) GTEST_SKIP() << "not run on two cards";
  ASSERT_OK_AND_ASSIGN(const auto second, MakeCudaDevice(1));
  std::thread([&] {
    const auto memory = second->host_memory();
    memory->Free(memory->Allocate(1 << 20), 1 << 20);
    int card = -1;
    EXPECT_EQ(cudaGetDevice(&card), cudaSuccess);
    EXPECT_EQ(card, 1);
  }).join();
}

}  // namespace
}  // namespace lossd
