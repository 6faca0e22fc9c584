// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs lossctl in the test's own process.

#ifndef LOSSD_TESTS_CLIENT_CLI_LOSSCTL_FIXTURE_H_
#define LOSSD_TESTS_CLIENT_CLI_LOSSCTL_FIXTURE_H_

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "client/cli/lossctl.h"
#include "client/npy/npy.h"
#include "gtest/gtest.h"
#include "tests/client/cpp/fake_loss_service.h"
#include "tests/support/status_matchers.h"

namespace lossd::cli {

// Runs commands against a server that computes squared_norm, whatever is asked.
class LossctlTest : public ::testing::Test {
 protected:
  LossctlTest()
      : folder_(::testing::TempDir() + "/" + ::testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const std::vector<float> x = {3, 4};
    EXPECT_OK(WriteNpy(File("x.npy"), {"x", DType::kFloat32, {2}}, {reinterpret_cast<const std::byte*>(x.data()), 8}));
  }

  std::string File(const std::string& name) const { return folder_ + "/" + name; }

  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    return RunLossctl(std::move(arguments), {out_, err_});
  }
  int RunOnServer(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--target", server_.target()});
    return Run(std::move(arguments));
  }

  const std::string folder_;
  client::FakeServer server_;
  std::ostringstream out_, err_;
};

}  // namespace lossd::cli

#endif  // LOSSD_TESTS_CLIENT_CLI_LOSSCTL_FIXTURE_H_
