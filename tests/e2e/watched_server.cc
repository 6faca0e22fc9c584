// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/e2e/watched_server.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/load/server_stages.h"
#include "core/scheduling/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

namespace lossd::testing {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(5);

void AddInput(const std::string& name, const std::vector<int64_t>& shape, v1::ComputeRequest& request) {
  v1::Tensor* const input = request.add_inputs();
  input->set_name(name);
  input->set_dtype(v1::DTYPE_FLOAT32);
  int64_t elements = 1;
  for (const int64_t extent : shape) {
    input->add_shape(extent);
    elements *= extent;
  }
  std::vector<float> values(static_cast<size_t>(elements));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 97) / 97 - 0.5f;
  input->set_data(values.data(), values.size() * sizeof(float));
}

}  // namespace

std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address, const std::string& tls_root) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = tls_root;
  const auto credentials = tls_root.empty() ? grpc::InsecureChannelCredentials() : grpc::SslCredentials(tls);
  auto channel = grpc::CreateCustomChannel(address, credentials, arguments);
  EXPECT_TRUE(channel->WaitForConnected(absl::ToChronoTime(RealClock().TimeNow() + absl::Seconds(30))));
  return channel;
}

v1::ComputeRequest ContrastRequest(int64_t rows, int64_t columns) {
  v1::ComputeRequest request;
  request.mutable_loss()->mutable_nt_xent();
  AddInput("out_1", {rows, columns}, request);
  AddInput("out_2", {rows, columns}, request);
  return request;
}

v1::ComputeRequest NormRequest(int64_t elements) {
  v1::ComputeRequest request;
  request.mutable_loss()->mutable_squared_norm();
  AddInput("x.0", {elements}, request);
  return request;
}

WatchedServer::WatchedServer(const std::vector<std::string>& flags) {
  auto process = ServerProcess::Start(flags);
  EXPECT_TRUE(process.ok()) << process.status();
  if (process.ok()) process_ = *std::move(process);
}

std::string WatchedServer::Page() const {
  const auto page = load::FetchText(absl::StrCat("http://", process_->http_address(), "/metrics"));
  EXPECT_TRUE(page.ok()) << page.status();
  return absl::StrCat("\n", page.ok() ? *page : "");
}

std::optional<double> WatchedServer::Find(const std::string& page, const std::string& series) {
  const size_t place = page.find(absl::StrCat("\n", series, " "));
  if (place == std::string::npos) return std::nullopt;
  const size_t start = place + series.size() + 2;
  double value = std::nan("");
  EXPECT_TRUE(absl::SimpleAtod(page.substr(start, page.find('\n', start) - start), &value)) << series;
  return value;
}

double WatchedServer::Metric(const std::string& series) const {
  const std::string page = Page();
  const std::optional<double> value = Find(page, series);
  if (value.has_value()) return *value;
  ADD_FAILURE() << "expected a series " << series << " in" << page;
  return std::nan("");
}

void WatchedServer::AwaitMetric(const std::string& series, double value, absl::Duration timeout) const {
  const absl::Time end = RealClock().TimeNow() + timeout;
  std::optional<double> seen = Find(Page(), series);
  while (seen != value && RealClock().TimeNow() < end) {
    absl::SleepFor(kBetweenLooks);  // The server under test has other things to do.
    seen = Find(Page(), series);
  }
  EXPECT_EQ(seen, value) << series;
}

double WatchedServer::StatusKilobytes(const std::string& field) const {
  std::ifstream file(absl::StrCat("/proc/", process_->process().pid(), "/status"));
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == field + ":" && file >> kilobytes) return kilobytes;
  }
  ADD_FAILURE() << "expected " << field << " in the status of process " << process_->process().pid();
  return std::nan("");
}

double WatchedServer::PeakMegabytes() const { return StatusKilobytes("VmHWM") * 1.024e-3; }
double WatchedServer::Megabytes() const { return StatusKilobytes("VmRSS") * 1.024e-3; }

void WatchedServer::ForgetPeak() const {
  std::ofstream file(absl::StrCat("/proc/", process_->process().pid(), "/clear_refs"));
  file << "5" << std::flush;
  EXPECT_TRUE(file.good()) << "cannot reset the peak of process " << process_->process().pid();
}

int64_t WatchedServer::OpenFiles() const {
  const std::filesystem::directory_iterator files(absl::StrCat("/proc/", process_->process().pid(), "/fd"));
  return std::distance(begin(files), end(files));
}

std::string WatchedServer::StopAndGetLog() {
  EXPECT_EQ(process_->Stop(), 0);
  return process_->process().Errors();
}

}  // namespace lossd::testing
