// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/messages.h"

#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace lossd::client {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;

// What `loss` becomes on the way to a message and back, as a message.
v1::LossSpec ThereAndBack(const LossSpec& loss) { return ToMessage(FromMessage(ToMessage(loss))); }

TEST(LossSpecTest, FieldsThatHaveTheirDefaultAreNotSent) {
  EXPECT_EQ(ToMessage(LossSpec()).loss_case(), v1::LossSpec::LOSS_NOT_SET);
  EXPECT_EQ(ToMessage(FeatureMapContrastive()).feature_map_contrastive().ByteSizeLong(), 0u);
  EXPECT_EQ(ToMessage(Cpc()).cpc().ByteSizeLong(), 0u);
  EXPECT_EQ(ToMessage(NtXent()).nt_xent().ByteSizeLong(), 0u);
  EXPECT_TRUE(ToMessage(SquaredNorm()).has_squared_norm());
}

TEST(LossSpecTest, RoundTripsEveryFieldOfFeatureMapContrastive) {
  FeatureMapContrastive loss{.comparisons = "",
                             .tclip = std::numeric_limits<double>::infinity(),
                             .bidirectional = false,
                             .regularizer_weight = 0,
                             .regularizer_scale = 0.1,
                             .loss_weights = {1, 0, -2},
                             .sampling = Positions{{3, 1, 2}},
                             .share_source_samples = true};
  const v1::LossSpec message = ToMessage(loss);
  const v1::FeatureMapContrastive& fields = message.feature_map_contrastive();
  EXPECT_TRUE(fields.has_comparisons());
  EXPECT_TRUE(fields.has_regularizer_weight());
  EXPECT_THAT(fields.loss_weights(), ElementsAre(1, 0, -2));
  EXPECT_THAT(fields.sampling().positions().values(), ElementsAre(3, 1, 2));
  EXPECT_TRUE(MessageDifferencer::Equals(message, ThereAndBack(loss)));
  loss.sampling = Seed{.torch_seed = 5, .numpy_seed = 0, .torch_skip = 0, .numpy_skip = 7};
  EXPECT_EQ(ToMessage(loss).feature_map_contrastive().sampling().seed().numpy_skip(), 7u);
  EXPECT_FALSE(ToMessage(loss).feature_map_contrastive().sampling().seed().has_torch_skip());
  EXPECT_TRUE(MessageDifferencer::Equals(ToMessage(loss), ThereAndBack(loss)));
}

TEST(LossSpecTest, RoundTripsTheOtherLosses) {
  const Cpc cpc{.target_dim = 8, .embed_scale = 0.5, .init_seed = 3, .step_weighting = StepWeighting::kUniform};
  EXPECT_EQ(ToMessage(cpc).cpc().step_weighting(), v1::Cpc::STEP_WEIGHTING_UNIFORM);
  EXPECT_TRUE(MessageDifferencer::Equals(ToMessage(cpc), ThereAndBack(cpc)));
  const NtXent nt_xent{.temperature = 0.07};
  EXPECT_EQ(ToMessage(nt_xent).nt_xent().temperature(), 0.07);
  EXPECT_TRUE(MessageDifferencer::Equals(ToMessage(nt_xent), ThereAndBack(nt_xent)));
  EXPECT_TRUE(ThereAndBack(SquaredNorm()).has_squared_norm());
}

TEST(ComputeRequestTest, CarriesOptionsAndGradientSelection) {
  ComputeRequest request;
  request.request_id = "r";
  request.gradients = {GradientOptions::Mode::kNamed, {"z", "parameters.*"}, DType::kFloat16, 1024.0};
  request.nonfinite_policy = NonfinitePolicy::kReject;
  request.timing = true;
  const v1::ComputeRequest message = ToMessageWithoutInputs(request);
  EXPECT_EQ(message.request_id(), "r");
  EXPECT_FALSE(message.has_loss());
  EXPECT_EQ(message.gradients().mode(), v1::GradientOptions::MODE_NAMED);
  EXPECT_THAT(message.gradients().names(), ElementsAre("z", "parameters.*"));
  EXPECT_EQ(message.gradients().dtype(), v1::DTYPE_FLOAT16);
  EXPECT_EQ(message.gradients().scale(), 1024);
  EXPECT_EQ(message.options().nonfinite_policy(), v1::ComputeOptions::NONFINITE_POLICY_REJECT);
  EXPECT_TRUE(message.options().timing());
}

TEST(TimingTest, AddsSecondsAndNanos) {
  v1::Timing message;
  message.mutable_compute()->set_seconds(1);
  message.mutable_compute()->set_nanos(250000000);
  message.set_batch_requests(3);
  const Timing timing = FromMessage(message);
  EXPECT_EQ(timing.compute, absl::Milliseconds(1250));
  EXPECT_EQ(timing.queue, absl::ZeroDuration());
  EXPECT_EQ(timing.batch_requests, 3);
}

TEST(ServerInfoTest, CarriesDevicesLossesAndLimits) {
  v1::GetServerInfoResponse message;
  message.set_revision("abc");
  message.add_devices()->set_name("cpu");
  v1::LossInfo& loss = *message.add_losses();
  loss.set_name("cpc");
  loss.add_inputs()->set_name("z");
  loss.mutable_inputs(0)->add_shape("B");
  loss.add_outputs("loss");
  loss.add_dtypes(v1::DTYPE_BFLOAT16);
  message.mutable_limits()->set_max_request_flops(1e14);
  const ServerInfo info = FromMessage(message);
  EXPECT_EQ(info.revision, "abc");
  ASSERT_EQ(info.devices.size(), 1u);
  EXPECT_EQ(info.devices[0].name, "cpu");
  ASSERT_EQ(info.losses.size(), 1u);
  EXPECT_EQ(info.losses[0].inputs[0].name, "z");
  EXPECT_THAT(info.losses[0].inputs[0].shape, ElementsAre("B"));
  EXPECT_THAT(info.losses[0].dtypes, ElementsAre(DType::kBFloat16));
  EXPECT_EQ(info.limits.max_request_flops, 1e14);
}

}  // namespace
}  // namespace lossd::client
