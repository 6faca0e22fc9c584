// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/search_cases.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "core/losses/registry.h"

namespace lossd::testing {
namespace {

// Operations of a case, so that a search can look at many.
constexpr int64_t kMostProducts = int64_t{1} << 20;
// Up to so many rows may be alike: then they are computed in float64. Roundings of float32 that are the same in every
// row are not less in the mean (docs/losses.md, "How exact").
constexpr int64_t kAlikeRows = 16;

// Takes genes one after the other.
class Reader {
 public:
  explicit Reader(const Genes& genes) : genes_(genes) {}

  double Next() { return genes_[next_++ % genes_.size()]; }
  double Between(double low, double high) { return low + (high - low) * Next(); }
  double Log(double low, double high) { return std::exp(Between(std::log(low), std::log(high))); }
  bool Is(double share) { return Next() < share; }
  template <typename T, size_t kCount>
  T Of(const T (&choices)[kCount]) {
    return choices[static_cast<size_t>(Next() * kCount)];
  }
  uint64_t Seed() { return std::bit_cast<uint64_t>(Next()); }

 private:
  const Genes& genes_;
  size_t next_ = 0;
};

constexpr int64_t kCounts[] = {2, 2, 3, 4, 5, 7, 8, 12, 16, 17, 20, 24, 31, 32, 33, 40, 48, 64, 65, 96, 130, 257};
constexpr int64_t kWidths[] = {1, 2, 3, 5, 8, 16, 31, 32, 63, 64, 65, 100, 128, 200, 256, 257, 300, 512, 1024, 2048};
constexpr int64_t kSides[] = {1, 1, 1, 2, 3, 5, 7};

// How the rows of a case are drawn.
struct Values {
  enum Kind { kNormal, kRelu, kPositive, kLevel, kFew, kNear, kSpread };
  static constexpr const char* kNames[] = {"normal", "relu", "positive", "level", "few", "near", "spread"};
  Kind kind;
  double offset;
  double size;
  uint64_t seed;

  explicit Values(Reader& reader) {
    constexpr Kind kKinds[] = {kNormal, kRelu, kPositive, kLevel, kFew, kNear, kSpread};
    kind = reader.Of(kKinds);
    offset = reader.Is(0.5) ? reader.Between(-1, 3) : reader.Between(0, 12);
    size = reader.Is(0.7) ? reader.Log(0.05, 20) : reader.Log(1e-6, 1e4);
    seed = reader.Seed();
  }

  // Leaves the kinds in which rows are alike, or elements are.
  void MakeUnlike() {
    if (kind == kLevel || kind == kFew) kind = kPositive;
  }

  // `rows` vectors of `width`; `view` counts those that belong together.
  std::vector<double> Draw(int64_t rows, int64_t width, int view) const {
    std::mt19937_64 random(seed);
    std::mt19937_64 of_view(seed + 1 + static_cast<uint64_t>(view));
    std::vector<double> values;
    for (int64_t r = 0; r < rows; ++r) {
      const double level = Normal(of_view);
      if (kind == kFew) of_view.seed(seed + static_cast<uint64_t>((r + view) % 3));
      for (int64_t c = 0; c < width; ++c) values.push_back(size * Element(random, of_view, level));
    }
    return values;
  }

 private:
  static double Normal(std::mt19937_64& random) { return std::normal_distribution<double>()(random); }

  double Element(std::mt19937_64& random, std::mt19937_64& of_view, double level) const {
    switch (kind) {
      case kNormal:
        return Normal(of_view) + offset;
      case kRelu:
        return std::max(Normal(of_view) + offset, 0.0);
      case kPositive:
        return std::abs(Normal(of_view)) + std::abs(offset);
      case kLevel:
        return 0.3 * level + offset;
      case kFew:
        return 0.3 * Normal(of_view) + offset;
      case kNear:
        return Normal(random) + offset + 1e-3 * Normal(of_view);
      default:
        return std::exp(1.5 * Normal(of_view)) * (offset < 0 && of_view() % 2 == 0 ? -1 : 1);
    }
  }
};

// Shapes within what a search has time for.
struct Extents {
  int64_t rows;
  int64_t width;

  explicit Extents(Reader& reader) : rows(reader.Of(kCounts)), width(reader.Of(kWidths)) {
    while (rows * rows * width > kMostProducts) (width > 64 ? width : rows) /= 2;
  }
};

DType TypeOf(Reader& reader) { return reader.Is(0.12) ? DType::kFloat64 : DType::kFloat32; }

double ScaleOf(Reader& reader) { return reader.Is(0.8) ? 1 : reader.Log(1e-6, 1e6); }

void Configure(FeatureMapContrastiveConfig& config, Reader& reader, const Extents&) {
  config.comparisons = "00";
  config.tclip = reader.Is(0.4) ? 10 : reader.Is(0.3) ? std::numeric_limits<double>::infinity() : reader.Log(1, 1e6);
  config.bidirectional = reader.Is(0.6);
  if (reader.Is(0.3)) config.regularizer_weight = reader.Is(0.5) ? 0 : reader.Log(0.01, 100);
  config.sampling = SamplingSeed{7, std::nullopt, 0, 0};
}
// A loss without one of its own is searched as it is by default.
template <typename Config>
void Configure(Config&, Reader&, const Extents&) {}
void Configure(NtXentConfig& config, Reader& reader, const Extents&) {
  config.normalize = reader.Is(0.5);
  config.temperature = reader.Log(0.005, 10);
}
void Configure(InfoNceConfig& config, Reader& reader, const Extents&) {
  config.normalize = reader.Is(0.6);
  config.temperature = reader.Log(0.005, 10);
  config.symmetric = reader.Is(0.5);
  config.label_smoothing = reader.Is(0.6) ? 0 : reader.Between(0, 0.9);
}
template <typename Config>
void ConfigureLink(Config& config, Reader& reader) {
  config.normalize = reader.Is(0.6);
  if (reader.Is(0.7)) config.logit_scale = reader.Log(0.1, 200) * (reader.Is(0.9) ? 1 : -1);
  if (reader.Is(0.5)) config.logit_bias = reader.Between(-20, 20);
}
void Configure(ClipConfig& config, Reader& reader, const Extents&) { ConfigureLink(config, reader); }
void Configure(SigLipConfig& config, Reader& reader, const Extents&) { ConfigureLink(config, reader); }
void Configure(SupConConfig& config, Reader& reader, const Extents&) {
  config.normalize = reader.Is(0.6);
  config.temperature = reader.Log(0.005, 10);
}
void Configure(DclConfig& config, Reader& reader, const Extents&) {
  config.normalize = reader.Is(0.6);
  config.temperature = reader.Log(0.005, 10);
  if (reader.Is(0.3)) config.weight_sigma = reader.Log(0.1, 10);
}
void Configure(VicRegConfig& config, Reader& reader, const Extents&) {
  for (double* weight : {&config.invariance_weight, &config.variance_weight, &config.covariance_weight}) {
    if (reader.Is(0.4)) *weight = reader.Is(0.4) ? 0 : reader.Log(0.01, 100);
  }
  if (reader.Is(0.3)) config.eps = reader.Log(1e-8, 1);
}
void Configure(BarlowTwinsConfig& config, Reader& reader, const Extents&) {
  if (reader.Is(0.5)) config.lambda = reader.Is(0.2) ? 0 : reader.Log(1e-4, 10);
  if (reader.Is(0.3)) config.eps = reader.Log(1e-8, 1);
}

// Maps [B, C, L] of vectors [B L, C].
std::vector<double> AsMaps(const std::vector<double>& vectors, int64_t images, int64_t channels, int64_t locations) {
  std::vector<double> maps(vectors.size());
  for (int64_t b = 0; b < images; ++b) {
    for (int64_t l = 0; l < locations; ++l) {
      for (int64_t c = 0; c < channels; ++c) {
        maps[static_cast<size_t>((b * channels + c) * locations + l)] =
            vectors[static_cast<size_t>((b * locations + l) * channels + c)];
      }
    }
  }
  return maps;
}

// All that genes decide.
struct Decoded {
  TestCase test_case;
  std::string values;
};

Decoded Decode(size_t loss, const Genes& genes) {
  Reader reader(genes);
  Decoded decoded;
  TestCase& test_case = decoded.test_case;
  Extents extents(reader);
  Values values(reader);
  const DType dtype = TypeOf(reader);
  test_case.request.gradients.scale = ScaleOf(reader);
  const int64_t side = reader.Of(kSides);
  const int64_t classes = reader.Of({2, 3, 5, 9, 40});
  const int64_t negatives = reader.Is(0.5) ? 0 : reader.Of(kCounts);
  test_case.request.loss = DefaultLossConfig(loss);
  std::visit([&](auto& config) { Configure(config, reader, extents); }, test_case.request.loss);
  const bool maps = std::holds_alternative<FeatureMapContrastiveConfig>(test_case.request.loss);
  while (maps && extents.rows > 2 && extents.rows * extents.rows * extents.width * side * side > kMostProducts) {
    extents.rows = (extents.rows + 1) / 2;
  }
  const Shape shape = maps ? Shape{extents.rows, extents.width, side, side} : Shape{extents.rows, extents.width};
  if (dtype == DType::kFloat32 && extents.rows > kAlikeRows) values.MakeUnlike();
  int view = 0;
  for (const std::string& name : RequiredInputs(loss, false)) {
    std::vector<double> drawn = values.Draw(ElementCount(shape) / extents.width, extents.width, view++);
    if (maps) drawn = AsMaps(drawn, extents.rows, extents.width, side * side);
    test_case.inputs.push_back({name, shape, std::move(drawn), dtype});
  }
  if (std::holds_alternative<InfoNceConfig>(test_case.request.loss) && negatives > 0) {
    test_case.inputs.push_back(
        {"negative.0", {negatives, extents.width}, values.Draw(negatives, extents.width, 2), dtype});
  }
  for (const std::string& name : RequiredInputs(loss, true)) {
    TestInput& labels = test_case.inputs.emplace_back(TestInput{name, {extents.rows}, {}, DType::kInt64});
    for (int64_t i = 0; i < extents.rows; ++i) labels.values.push_back(static_cast<double>(i % classes));
  }
  decoded.values = absl::StrCat(Values::kNames[values.kind], " offset ", values.offset, " size ", values.size);
  return decoded;
}

}  // namespace

std::vector<std::string> RequiredInputs(size_t loss, bool labels) {
  std::vector<std::string> names;
  for (const LossInputDescription& input : MakeTileLoss(DefaultLossConfig(loss))->Describe().inputs) {
    if (input.optional || input.integer != labels) continue;
    names.push_back(absl::StrReplaceAll(input.name, {{"*", "0"}}));
  }
  return names;
}

Genes DrawGenes(std::mt19937_64& random) {
  Genes genes;
  for (double& gene : genes) gene = std::uniform_real_distribution<double>()(random);
  return genes;
}

Genes Mutated(const Genes& genes, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform;
  Genes mutated = genes;
  for (int i = 0; i < 3; ++i) {
    double& gene = mutated[random() % mutated.size()];
    gene = random() % 2 == 0 ? uniform(random) : std::clamp(gene + 0.1 * (uniform(random) - 0.5), 0.0, 0.999999);
  }
  return mutated;
}

TestCase CaseOf(size_t loss, const Genes& genes) { return Decode(loss, genes).test_case; }

std::string TextOf(size_t loss, const Genes& genes) {
  const Decoded decoded = Decode(loss, genes);
  const TestCase& test_case = decoded.test_case;
  std::string text(kLossNames[loss]);
  for (const TestInput& input : test_case.inputs) {
    absl::StrAppend(&text, " ", input.name, ":", DTypeName(input.dtype), "[", absl::StrJoin(input.shape, ", "), "]");
  }
  absl::StrAppend(&text, ", ", decoded.values, ", gradients times ", test_case.request.gradients.scale);
  const auto append = [&](absl::string_view name, const auto& value, absl::string_view) {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (std::is_arithmetic_v<Value>) absl::StrAppend(&text, " ", name, "=", value);
    if constexpr (std::is_same_v<Value, std::optional<double>>) {
      if (value.has_value()) absl::StrAppend(&text, " ", name, "=", *value);
    }
  };
  std::visit([&](const auto& config) { config.Fields(config, append); }, test_case.request.loss);
  return text;
}

}  // namespace lossd::testing
