// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/cpc_oracle.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

namespace lossd::testing {
namespace {

// Maps [B, C, H, W] in C order.
struct Maps {
  int64_t batch, channels, height, width;
  std::vector<double> values;

  Maps(int64_t b, int64_t c, int64_t h, int64_t w)
      : batch(b), channels(c), height(h), width(w), values(static_cast<size_t>(b * c * h * w)) {}
  double& at(int64_t b, int64_t c, int64_t y, int64_t x) {
    return values[static_cast<size_t>(((b * channels + c) * height + y) * width + x)];
  }
  double at(int64_t b, int64_t c, int64_t y, int64_t x) const {
    return values[static_cast<size_t>(((b * channels + c) * height + y) * width + x)];
  }
};

Maps PadTop(const Maps& in, double value) {
  Maps out(in.batch, in.channels, in.height + 1, in.width);
  std::fill(out.values.begin(), out.values.end(), value);
  for (int64_t b = 0; b < in.batch; ++b) {
    for (int64_t c = 0; c < in.channels; ++c) {
      for (int64_t y = 0; y < in.height; ++y) {
        for (int64_t x = 0; x < in.width; ++x) out.at(b, c, y + 1, x) = in.at(b, c, y, x);
      }
    }
  }
  return out;
}

Maps PadSides(const Maps& in) {
  Maps out(in.batch, in.channels, in.height, in.width + 2);
  for (int64_t b = 0; b < in.batch; ++b) {
    for (int64_t c = 0; c < in.channels; ++c) {
      for (int64_t y = 0; y < in.height; ++y) {
        for (int64_t x = 0; x < in.width; ++x) out.at(b, c, y, x + 1) = in.at(b, c, y, x);
      }
    }
  }
  return out;
}

// A convolution without padding; `weight` is [out, in, rows, columns].
Maps Conv(const Maps& in, const std::vector<double>& weight, const std::vector<double>& bias, int64_t rows,
          int64_t columns) {
  const auto out_channels = static_cast<int64_t>(bias.size());
  Maps out(in.batch, out_channels, in.height - rows + 1, in.width - columns + 1);
  for (int64_t b = 0; b < out.batch; ++b) {
    for (int64_t o = 0; o < out_channels; ++o) {
      for (int64_t y = 0; y < out.height; ++y) {
        for (int64_t x = 0; x < out.width; ++x) {
          double sum = bias[static_cast<size_t>(o)];
          for (int64_t i = 0; i < in.channels; ++i) {
            const double* taps = weight.data() + (o * in.channels + i) * rows * columns;
            for (int64_t dy = 0; dy < rows; ++dy) {
              for (int64_t dx = 0; dx < columns; ++dx) sum += taps[dy * columns + dx] * in.at(b, i, y + dy, x + dx);
            }
          }
          out.at(b, o, y, x) = sum;
        }
      }
    }
  }
  return out;
}

Maps Relu(Maps maps) {
  for (double& value : maps.values) value = std::max(value, 0.0);
  return maps;
}

Maps InputOf(const CpcCase& values) {
  Maps z(values.batch, values.channels, values.height, values.width);
  z.values = values.z;
  return z;
}

Maps ContextOf(const CpcCase& values) {
  Maps c = InputOf(values);
  for (size_t block = 0; block < kPixelCnnBlocks; ++block) {
    const auto* p = values.parameters.data() + kContextParameters + block * kBlockParameters;
    const Maps entry = Relu(Conv(c, p[kEntryWeight], p[kEntryBias], 1, 1));
    const Maps across = Conv(entry, p[kAcrossWeight], p[kAcrossBias], 1, 3);
    const Maps down = Relu(Conv(PadSides(PadTop(across, 1.0)), p[kDownWeight], p[kDownBias], 2, 1));
    const Maps exit = Conv(down, p[kExitWeight], p[kExitBias], 1, 1);
    std::transform(c.values.begin(), c.values.end(), exit.values.begin(), c.values.begin(), std::plus<>());
  }
  return Relu(std::move(c));
}

// LSE over all targets of the scores of the prediction at (b, y, x), minus the score of the target `below` rows below.
double NaiveTerm(const Maps& predictions, const Maps& targets, double scale, int64_t b, int64_t y, int64_t x,
                 int64_t below) {
  std::vector<double> scores;
  double picked = 0;
  for (int64_t tb = 0; tb < targets.batch; ++tb) {
    for (int64_t ty = 0; ty < targets.height; ++ty) {
      for (int64_t tx = 0; tx < targets.width; ++tx) {
        double score = 0;
        for (int64_t d = 0; d < targets.channels; ++d) score += predictions.at(b, d, y, x) * targets.at(tb, d, ty, tx);
        scores.push_back(scale * score);
        if (tb == b && ty == y + below && tx == x) picked = scores.back();
      }
    }
  }
  const double maximum = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (const double score : scores) sum += std::exp(score - maximum);
  return maximum + std::log(sum) - picked;
}

}  // namespace

CpcCase DrawCpcCase(uint64_t seed, CpcCase shapes) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  shapes.z.resize(static_cast<size_t>(shapes.batch * shapes.channels * shapes.height * shapes.width));
  for (double& value : shapes.z) value = static_cast<float>(normal(engine));
  shapes.parameters.clear();
  int64_t fan_in = 1;
  for (const TensorSpec& spec : CpcParameterSpecs(shapes.channels, shapes.dim, DType::kFloat64)) {
    if (spec.shape.size() == 4) fan_in = spec.shape[1] * spec.shape[2] * spec.shape[3];
    const double bound = 1.5 / std::sqrt(static_cast<double>(fan_in));
    std::uniform_real_distribution<double> uniform(-bound, bound);
    std::vector<double>& values = shapes.parameters.emplace_back(static_cast<size_t>(ElementCount(spec.shape)));
    for (double& value : values) value = static_cast<float>(uniform(engine));
  }
  return shapes;
}

TestCase MakeCpcTestCase(const CpcCase& values, DType dtype) {
  TestCase test_case;
  CpcConfig config;
  config.embed_scale = values.embed_scale;
  config.step_weighting = values.weighting;
  test_case.request.loss = config;
  test_case.inputs.push_back({"z", {values.batch, values.channels, values.height, values.width}, values.z, dtype});
  const std::vector<TensorSpec> specs = CpcParameterSpecs(values.channels, values.dim, dtype);
  for (size_t p = 0; p < specs.size(); ++p) {
    test_case.inputs.push_back({specs[p].name, specs[p].shape, values.parameters[p], dtype});
  }
  return test_case;
}

std::vector<double> NaiveContext(const CpcCase& values) { return ContextOf(values).values; }

NaiveCpcResult NaiveCpc(const CpcCase& values) {
  const auto& p = values.parameters;
  const Maps targets = Conv(InputOf(values), p[kTargetWeight], p[kTargetBias], 1, 1);
  const Maps predictions = Conv(ContextOf(values), p[kPredictionWeight], p[kPredictionBias], 1, 1);
  NaiveCpcResult result;
  for (int64_t i = 1; i <= values.height - 2; ++i) {
    double sum = 0;
    int64_t count = 0;
    for (int64_t b = 0; b < values.batch; ++b) {
      for (int64_t y = 0; y + i + 1 < values.height; ++y) {
        for (int64_t x = 0; x < values.width; ++x, ++count) {
          sum += NaiveTerm(predictions, targets, values.embed_scale, b, y, x, i + 1);
        }
      }
    }
    result.step_losses.push_back(sum / static_cast<double>(count));
    const bool uniform = values.weighting == StepWeighting::kUniform;
    result.loss += (uniform ? 1.0 : static_cast<double>(i)) * result.step_losses.back();
  }
  return result;
}

}  // namespace lossd::testing
