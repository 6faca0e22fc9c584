// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/search_cases.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "core/losses/registry.h"
#include "tests/core/losses/numerics/exact_loss.h"
#include "tests/core/losses/numerics/search_configs.h"

namespace lossd::testing {
namespace {

// Operations of a case, so that a search can look at many.
constexpr int64_t kMostProducts = int64_t{1} << 20;
// Up to so many rows may be alike: then they are computed in float64. Roundings of float32 that are the same in every
// row are not less in the mean (docs/losses.md, "How exact").
constexpr int64_t kAlikeRows = 16;

// Half of them are too many for float64 (GainsFromFloat64).
constexpr int64_t kCounts[] = {2, 2, 3, 4, 5, 7, 8, 12, 17, 24, 33, 48, 64, 65, 65, 80, 96, 96, 130, 130, 200, 257};
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

  explicit Values(GeneReader& reader) {
    constexpr Kind kKinds[] = {kNormal, kRelu, kPositive, kLevel, kFew, kNear, kSpread};
    kind = reader.Of(kKinds);
    offset = reader.Is(0.5) ? reader.Between(-1, 3) : reader.Between(0, 12);
    size = reader.Is(0.7) ? reader.Log(0.05, 20) : reader.Log(1e-6, 1e4);
    seed = reader.Seed();
  }

  // Leaves the kinds in which rows are alike, or elements are; of 16-bit numbers, those of a pair, too.
  void MakeUnlike(bool pairs) {
    if (kind == kLevel || kind == kFew) kind = kPositive;
    if (pairs && kind == kNear) kind = kNormal;
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

  explicit Extents(GeneReader& reader) : rows(reader.Of(kCounts)), width(reader.Of(kWidths)) {
    while (rows * rows * width > kMostProducts) (width > 64 ? width : rows) /= 2;
  }
};

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

// Values as an input of `dtype` holds them.
std::vector<double> RoundedTo(DType dtype, std::vector<double> values) {
  if (dtype == DType::kFloat64 || !IsFloating(dtype)) return values;
  const double most = dtype == DType::kFloat16 ? 65504 : std::numeric_limits<float>::max();
  for (double& value : values) value = std::clamp(value, -most, most);
  return RoundedThrough(dtype, values);
}

// Which dtypes the inputs of a request have: one, or any of those that are computed in float32.
class Types {
 public:
  explicit Types(GeneReader& reader) : kind_(reader.Next()) {}

  DType Of(GeneReader& reader) const {
    constexpr DType kNarrow[] = {DType::kFloat32, DType::kFloat16, DType::kBFloat16};
    const DType any = reader.Of(kNarrow);
    if (wide()) return DType::kFloat64;
    return kind_ < 0.2 ? DType::kFloat16 : kind_ < 0.28 ? DType::kBFloat16 : kind_ < 0.36 ? any : DType::kFloat32;
  }
  bool wide() const { return kind_ < 0.12; }
  bool half() const { return !wide() && kind_ < 0.36; }  // Some of them.

 private:
  const double kind_;
};

// Labels: some classes in turn, one of all, each its own, or all but a few. Where rows are too many for float64 there
// are more than a few that have a positive: the mean over two hides no rounding (docs/losses.md).
std::vector<double> DrawLabels(GeneReader& reader, int64_t rows) {
  constexpr int64_t kMany = 64;
  const double kind = reader.Next();
  const int64_t some = reader.Of({2, 3, 5, 9, 40});
  const int64_t all_but_few = rows <= kMany ? rows - 1 : rows - rows / 4;
  const int64_t classes = kind < 0.5 ? some : kind < 0.65 ? 1 : kind < 0.7 ? rows : all_but_few;
  std::vector<double> labels;
  for (int64_t i = 0; i < rows; ++i) labels.push_back(static_cast<double>(i % classes));
  return labels;
}

// A request of a loss as genes say.
class CaseDrawer {
 public:
  CaseDrawer(size_t loss, const Genes& genes)
      : loss_(MakeTileLoss(DefaultLossConfig(loss))),
        description_(loss_->Describe()),
        reader_(genes),
        extents_(reader_),
        values_(reader_),
        types_(reader_) {
    test_case_.request.loss = DefaultLossConfig(loss);
    test_case_.request.gradients.scale = reader_.Is(0.8) ? 1 : reader_.Log(1e-6, 1e6);
    side_ = reader_.Of(kSides);
    for (const LossInputDescription& input : description_.inputs) {
      const int64_t locations = input.shape.size() == 4 ? side_ * side_ : 1;
      while (extents_.rows > 2 && extents_.rows * extents_.rows * extents_.width * locations > kMostProducts) {
        extents_.rows = (extents_.rows + 1) / 2;
      }
    }
    if (types_.wide() || extents_.rows > kAlikeRows) values_.MakeUnlike(types_.half());
    if (auto* maps = std::get_if<FeatureMapContrastiveConfig>(&test_case_.request.loss)) {
      maps->comparisons = "00";
      maps->sampling = SamplingSeed{7, std::nullopt, 0, 0};
    }
  }

  TestCase Draw() {
    for (const LossInputDescription& input : description_.inputs) {
      if (!input.optional) Add(input, 0);
    }
    DrawConfig(
        reader_, [this] { return IsTaken(); }, test_case_.request.loss);
    AddOptional(false);
    AddOptional(true);
    return std::move(test_case_);
  }

  std::string TextOfValues() const {
    return absl::StrCat(Values::kNames[values_.kind], " offset ", values_.offset, " size ", values_.size);
  }

 private:
  static bool IsFamily(const LossInputDescription& input) { return absl::EndsWith(input.name, ".*"); }

  bool IsTaken() const {
    ComputeSpec request = test_case_.request;
    for (const TestInput& input : test_case_.inputs) request.inputs.push_back({input.name, input.dtype, input.shape});
    return loss_->Prepare(request).ok();
  }

  // Those that may be left out: each by itself; the constant ones, as guides of all that they belong to, together.
  void AddOptional(bool constant) {
    const bool all = reader_.Is(0.6);
    const size_t before = test_case_.inputs.size();
    for (const LossInputDescription& input : description_.inputs) {
      if (!input.optional || input.constant != constant || input.shape.empty()) continue;
      const size_t count = reader_.Of({0, 0, 1, 2});
      if (!constant && IsFamily(input)) members_ = count;
      const size_t without = test_case_.inputs.size();
      if (constant ? !all : count == 0) continue;
      for (size_t i = 0; i < (IsFamily(input) ? members_ : 1); ++i) Add(input, i);
      if (!constant && !IsTaken()) test_case_.inputs.resize(without);
    }
    if (!IsTaken()) test_case_.inputs.resize(before);
  }

  // What a symbol stands for; in families one that no other input has is each member's own.
  int64_t ExtentOf(const LossInputDescription& input, size_t axis, size_t member) {
    const std::string& symbol = input.shape[axis];
    const bool own = IsFamily(input) && !symbols_.contains(symbol);
    const auto [found, is_new] = symbols_.try_emplace(own ? absl::StrCat(symbol, ".", member) : symbol, 0);
    if (!is_new) return found->second;
    if (axis > 1) return found->second = side_;
    if (!input.optional) return found->second = axis == 0 ? extents_.rows : extents_.width;
    return found->second = axis == 0 ? reader_.Of(kCounts) : reader_.Of(kWidths);
  }

  void Add(const LossInputDescription& description, size_t member) {
    TestInput input;
    input.name = absl::StrReplaceAll(description.name, {{"*", absl::StrCat(member)}});
    const bool scalar = description.shape == std::vector<std::string>{"1"};
    for (size_t axis = 0; !scalar && axis < description.shape.size(); ++axis) {
      input.shape.push_back(ExtentOf(description, axis, member));
    }
    if (description.shape.empty()) input.shape = {extents_.rows, extents_.width};
    input.dtype = description.integer ? DType::kInt64 : types_.Of(reader_);
    if (description.integer) {
      input.values = DrawLabels(reader_, input.shape[0]);
    } else if (scalar) {
      const double kind = reader_.Next();
      const double number = reader_.Log(0.1, 200);
      input.values = {kind < 0.5 ? number : kind < 0.6 ? -number : 40 * (kind - 0.8) * number / 200};
      if (kind > 0.7) input.shape = {1};
    } else {
      const int64_t width = input.shape[1];
      const int64_t locations = input.shape.size() == 4 ? input.shape[2] * input.shape[3] : 1;
      const int64_t vectors = ElementCount(input.shape) / width;
      input.values = values_.Draw(vectors, width, view_++);
      if (locations > 1) input.values = AsMaps(input.values, input.shape[0], width, locations);
    }
    input.values = RoundedTo(input.dtype, std::move(input.values));
    test_case_.inputs.push_back(std::move(input));
  }

  const std::unique_ptr<Loss> loss_;
  const LossDescription description_;
  GeneReader reader_;
  Extents extents_;
  Values values_;
  const Types types_;
  int64_t side_ = 1;
  size_t members_ = 0;  // Of the family that was drawn last.
  int view_ = 0;
  std::map<std::string, int64_t> symbols_;
  TestCase test_case_;
};

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
  for (int i = 0; i < 4; ++i) {
    double& gene = mutated[random() % mutated.size()];
    gene = random() % 2 == 0 ? uniform(random) : std::clamp(gene + 0.1 * (uniform(random) - 0.5), 0.0, 0.999999);
  }
  return mutated;
}

TestCase CaseOf(size_t loss, const Genes& genes) { return CaseDrawer(loss, genes).Draw(); }

std::string TextOf(size_t loss, const Genes& genes) {
  CaseDrawer drawer(loss, genes);
  const TestCase test_case = drawer.Draw();
  std::string text(kLossNames[loss]);
  for (const TestInput& input : test_case.inputs) {
    absl::StrAppend(&text, " ", input.name, ":", DTypeName(input.dtype), "[", absl::StrJoin(input.shape, ", "), "]");
    if (input.values.size() == 1) absl::StrAppend(&text, " = ", input.values[0]);
  }
  return absl::StrCat(text, ", ", drawer.TextOfValues(), ", gradients times ", test_case.request.gradients.scale,
                      TextOfConfig(test_case.request.loss));
}

}  // namespace lossd::testing
