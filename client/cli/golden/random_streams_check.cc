// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/golden/comparison.h"
#include "client/cli/golden/task_checks.h"
#include "client/cli/golden/tensor_values.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

using nlohmann::json;

// A call such as "torch.randint(0, 49, (16,))" or "np.random.randint(0, 3)".
struct Draw {
  int64_t range = 0;
  std::vector<double> expected;
};

absl::StatusOr<Draw> ParseDraw(const json& entry) {
  const std::string call = entry.at("call");
  const std::vector<std::string> parts = absl::StrSplit(call, absl::ByAnyChar("(,)"));
  Draw draw;
  if (parts.size() < 3 || !absl::SimpleAtoi(parts[2], &draw.range) || draw.range < 1) {
    return absl::InvalidArgumentError(absl::StrCat("call: expected randint(0, n, ...), got '", call, "'"));
  }
  const json& result = entry.at("result");
  if (result.is_array()) {
    draw.expected = result.get<std::vector<double>>();
  } else {
    draw.expected = {result.get<double>()};
  }
  return draw;
}

// `count` maps [batch, 1, 1, width] of zeros for each side.
client::ComputeRequest RequestOverZeros(client::FeatureMapContrastive loss, int64_t count, int64_t batch,
                                        int64_t width) {
  BufferPool pool(0);
  const TensorSpec spec{"", DType::kFloat32, {batch, 1, 1, width}};
  const Buffer zeros = pool.Allocate(static_cast<size_t>(ByteSize(spec)));
  std::fill_n(zeros.data(), ByteSize(spec), std::byte{0});
  client::ComputeRequest request;
  loss.bidirectional = false;
  request.loss = std::move(loss);
  request.gradients.mode = client::GradientOptions::Mode::kNone;
  for (const char* side : {"anchor.", "positive."}) {
    for (int64_t i = 0; i < count; ++i) {
      TensorSpec named = spec;
      named.name = absl::StrCat(side, i);
      request.inputs.push_back(client::InputTensor::Share(Tensor(std::move(named), zeros)));
    }
  }
  return request;
}

absl::Status ExpectOutputValues(const absl::StatusOr<client::ComputeResponse>& response, absl::string_view output,
                                absl::string_view what, const std::vector<double>& expected) {
  LOSSD_RETURN_IF_ERROR(response.status());
  const client::ResultTensor* const tensor = response->output(output);
  if (tensor == nullptr) return absl::OutOfRangeError(absl::StrCat(output, ": missing in the answer"));
  return CompareElements(what, ToDoubles(tensor->spec(), tensor->bytes()), expected, {});
}

// torch.randint(0, n, (B,)) is what B images of n positions draw; each value takes one word.
absl::Status CheckTorch(uint64_t seed, uint64_t skip, const Draw& draw, Client& client) {
  client::FeatureMapContrastive loss;
  loss.comparisons = "00";
  loss.sampling = client::Seed{.torch_seed = seed, .numpy_seed = 0, .torch_skip = skip, .numpy_skip = 0};
  const auto response =
      client.Compute(RequestOverZeros(std::move(loss), 1, static_cast<int64_t>(draw.expected.size()), draw.range));
  return ExpectOutputValues(response, "positions", absl::StrCat("torch.randint of seed ", seed), draw.expected);
}

// numpy.random.randint(0, n) is what `0r` draws among n maps.
absl::Status CheckNumpy(uint64_t seed, uint64_t skip, const Draw& draw, Client& client) {
  client::FeatureMapContrastive loss;
  loss.comparisons = "0r";
  loss.sampling = client::Seed{.torch_seed = 0, .numpy_seed = seed, .torch_skip = 0, .numpy_skip = skip};
  const auto response = client.Compute(RequestOverZeros(std::move(loss), draw.range, 1, 1));
  return ExpectOutputValues(response, "comparisons", absl::StrCat("numpy randint of seed ", seed),
                            {0, draw.expected.front()});
}

// Words that numpy.random.randint(0, range) takes from `words`: masked, and again until the value is in range.
uint64_t NumpyWords(int64_t range, std::mt19937& words) {
  if (range == 1) return 0;
  uint32_t mask = 1;
  while (mask < range - 1) mask = mask << 1 | 1;
  uint64_t taken = 1;
  while (static_cast<int64_t>(words() & mask) >= range) ++taken;
  return taken;
}

absl::Status CheckSequence(const json& sequence, Client& client) {
  const uint64_t seed = sequence.at("seed");
  uint64_t skip = 0;
  for (const json& entry : sequence.at("torch_randint_sequence")) {
    LOSSD_ASSIGN_OR_RETURN(const Draw draw, ParseDraw(entry));
    LOSSD_RETURN_IF_ERROR(CheckTorch(seed, skip, draw, client));
    skip += draw.expected.size();
  }
  std::mt19937 words(static_cast<uint32_t>(seed));
  skip = 0;
  for (const json& entry : sequence.at("numpy_randint_sequence")) {
    LOSSD_ASSIGN_OR_RETURN(const Draw draw, ParseDraw(entry));
    LOSSD_RETURN_IF_ERROR(CheckNumpy(seed, skip, draw, client));
    skip += NumpyWords(draw.range, words);
  }
  return absl::OkStatus();
}

absl::Status CheckLongSequence(const json& sequence, Client& client) {
  LOSSD_ASSIGN_OR_RETURN(const Draw draw, ParseDraw(sequence));
  return CheckTorch(sequence.at("seed"), 0, draw, client);
}

}  // namespace

Verdict CheckRandomStreams(const GoldenCase& golden, Client& client) {
  Findings findings;
  for (const json& sequence : golden.json.at("sequences")) findings.Expect(CheckSequence(sequence, client));
  if (golden.json.contains("long_sequence")) {
    findings.Expect(CheckLongSequence(golden.json.at("long_sequence"), client));
  }
  findings.Note(absl::StrCat(golden.json.at("sequences").size(), " seeds of both generators"));
  return findings.Conclude(Outcome::kPassed);
}

}  // namespace lossd::cli
