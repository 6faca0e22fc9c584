// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/contrast_maps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/engine/contrast_maps_cut.h"
#include "core/engine/contrast_sweeps.h"
#include "core/engine/finite_cast.h"
#include "core/engine/map_products.h"
#include "core/engine/rounding.h"
#include "core/engine/workspace.h"

namespace lossd {
namespace {

// Elements of the sources' gradient whose partial sums are added in one iteration.
constexpr int64_t kReducedElements = 16 << 10;
// Products of so many operations and more are worth a loop of their own for many threads.
constexpr double kFineFlops = 5e8;
// Images whose scores are formed, and channels whose gradient is, in one iteration of these.
constexpr int64_t kFineImages = 2;
constexpr int64_t kFineChannels = 96;
// Up to so many scores the roundings of their clips do not cancel in the mean.
constexpr int64_t kFewScores = 4096;

// A contrast on its way through its chunks.
template <typename T>
class ContrastRun {
 public:
  ContrastRun(const ContrastProblem& problem, const MapOperands<T>& operands, const MapContrastCut& cut,
              std::byte* block, const std::atomic<bool>* cancelled, Parallel& parallel)
      : operands_(operands),
        shape_(MapShapeOf(problem)),
        cut_(cut),
        alpha_(static_cast<T>(problem.scale)),
        weight_exponent_(WeightExponent(std::max(std::abs(operands.loss_weight), std::abs(operands.square_weight)))),
        has_references_(problem.clip > kLargestBareClip),
        wants_gradient_(operands.source_gradient != nullptr || operands.target_gradient != nullptr),
        cancelled_(cancelled),
        parallel_(parallel) {
    Workspace workspace(block);
    arrays_ = LayOutMapContrast<T>(shape_, cut_, workspace);
    const bool few = shape_.images <= kFewScores / (shape_.images * shape_.locations);
    clip_ = {static_cast<T>(problem.clip), has_references_ ? arrays_.references : nullptr, few};
  }

  MapContrastResult Run() {
    for (int64_t i = 0; i < cut_.chunks && !IsCancelled(); ++i) RunChunk(cut_.Chunk(i));
    const double positives = static_cast<double>(shape_.images) * static_cast<double>(shape_.locations);
    return {loss_sum_ / positives, square_sum_ / (positives * static_cast<double>(shape_.images))};
  }

 private:
  bool IsCancelled() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

  // Calls `body(tile)` for the tiles of a group, in their order.
  template <typename Body>
  void ForTiles(int64_t group, const Body& body) const {
    const Images images = cut_.Group(group);
    for (int64_t first = images.first; first < images.last && !IsCancelled(); first += cut_.tile_images) {
      body(Images{first, std::min(first + cut_.tile_images, images.last)});
    }
  }

  Panels SourcePanels(SourceChunk chunk) const { return {shape_.channels, chunk.columns, cut_.width}; }
  int64_t ChunkOffset(SourceChunk chunk) const { return chunk.first * shape_.channels; }

  int64_t PanelSize() const { return cut_.kept_images() * shape_.locations * cut_.width; }
  T* ScoresOf(int64_t group, Images images) const { return arrays_.scores + ScoreOffset(group, images); }
  T* SlopesOf(int64_t group, Images images) const {
    return cut_.keeps_slopes && wants_gradient_ ? arrays_.slopes + ScoreOffset(group, images) : nullptr;
  }
  int64_t ScoreOffset(int64_t group, Images images) const {
    const int64_t image = cut_.keeps_scores ? images.first - cut_.Group(group).first : 0;
    return group * cut_.chunk_panels * PanelSize() + image * shape_.locations * cut_.width;
  }
  MapTile TileOf(SourceChunk chunk, Images images) const {
    return {images.last - images.first,
            shape_.locations,
            images.first - chunk.first,
            chunk.columns,
            cut_.width,
            PanelSize()};
  }
  MapProduct<T> ProductOf(SourceChunk chunk, Images images) const {
    return {operands_.targets, shape_.channels, shape_.locations, images,
            chunk.columns,     cut_.width,      alpha_,           operands_.precision};
  }
  // Of gradients: with what their weights are without.
  MapProduct<T> GradientProductOf(SourceChunk chunk, Images images) const {
    MapProduct<T> product = ProductOf(chunk, images);
    product.alpha = FiniteCast<T>(std::ldexp(static_cast<double>(alpha_), weight_exponent_));
    return product;
  }

  // Whether there are threads that groups leave idle, and enough for them to do. Changes no bit: iterations form whole
  // rows, columns or channels of what groups form, in the same order of sums.
  bool RunsFinely() const {
    const double scores = static_cast<double>(shape_.images * shape_.locations) * static_cast<double>(shape_.images);
    return cut_.keeps_scores && parallel_.Width() > cut_.groups &&
           2 * scores * static_cast<double>(shape_.channels) >= kFineFlops;
  }

  // Calls `body(group, tile)` for all tiles, each in an iteration of its own.
  template <typename Body>
  void ForAllTiles(const Body& body) {
    const int64_t tiles = CeilDiv(cut_.group_images, cut_.tile_images);
    parallel_.For(cut_.groups * tiles, [&](int64_t i) {
      const Images images = cut_.Group(i / tiles);
      const int64_t first = images.first + i % tiles * cut_.tile_images;
      if (first >= images.last || IsCancelled()) return;
      body(i / tiles, Images{first, std::min(first + cut_.tile_images, images.last)});
    });
  }

  void FormAllScores(SourceChunk chunk) {
    parallel_.For(CeilDiv(shape_.images, kFineImages), [&](int64_t i) {
      if (IsCancelled()) return;
      const int64_t last = std::min((i + 1) * kFineImages, shape_.images);
      for (int64_t image = i * kFineImages; image < last; ++image) {
        FormScores(chunk, image / cut_.group_images, {image, image + 1});
      }
    });
  }

  // The sums of a panel of sources over a group.
  void SumPanel(SourceChunk chunk, int64_t group, int64_t panel) {
    const int64_t column = panel * cut_.width;
    const int64_t sums = group * cut_.padded_columns() + column;
    ScoreClip<T> clip = clip_;
    if (clip.references != nullptr) clip.references += column;
    ForTiles(group, [&](Images images) {
      MapTile tile = TileOf(chunk, images);
      tile.positive_column -= column;
      tile.columns = std::min(cut_.width, chunk.columns - column);
      T* const slopes = SlopesOf(group, images);
      SumExponentials(tile, ScoresOf(group, images) + panel * PanelSize(), clip,
                      slopes == nullptr ? nullptr : slopes + panel * PanelSize(), arrays_.group_exps + sums,
                      arrays_.group_squares + sums, arrays_.positives + column * shape_.locations);
    });
  }

  void SumFinely(SourceChunk chunk) {
    if (!has_references_) FormAllScores(chunk);
    const int64_t panels = CeilDiv(chunk.columns, cut_.width);
    parallel_.For(cut_.groups * panels, [&](int64_t i) { SumPanel(chunk, i / panels, i % panels); });
  }

  void AddGradientsFinely(SourceChunk chunk) {
    ForAllTiles([&](int64_t group, Images images) { AddTargetGradient(chunk, group, images); });
    if (operands_.source_gradient == nullptr) return;
    const int64_t channels = operands_.precision == GemmPrecision::kFloat32 ? kFineChannels : shape_.channels;
    const int64_t blocks = CeilDiv(shape_.channels, channels);
    parallel_.For(cut_.groups * blocks, [&](int64_t i) {
      const int64_t first = i % blocks * channels;
      ForTiles(i / blocks, [&](Images images) {
        AddSourceGradient(chunk, i / blocks, images, first, std::min(channels, shape_.channels - first));
      });
    });
  }

  void RunChunk(SourceChunk chunk) {
    const int64_t columns = cut_.padded_columns();
    std::fill_n(arrays_.positives, shape_.locations * columns, T{0});
    std::fill_n(arrays_.group_exps, cut_.groups * columns, 0.0);
    std::fill_n(arrays_.group_squares, cut_.groups * columns, 0.0);
    if (has_references_) FindReferences(chunk);
    if (RunsFinely()) {
      SumFinely(chunk);
    } else {
      SumGroups(chunk);
    }
    FinishColumns(chunk);
    if (!wants_gradient_ || IsCancelled()) return;
    if (RunsFinely()) {
      AddGradientsFinely(chunk);
    } else {
      parallel_.For(cut_.groups, [&](int64_t group) {
        ForTiles(group, [&](Images images) { AddGradients(chunk, group, images); });
      });
    }
    if (operands_.source_gradient != nullptr && !IsCancelled()) AddUpGroups(chunk);
  }

  void SumGroups(SourceChunk chunk) {
    const int64_t columns = cut_.padded_columns();
    parallel_.For(cut_.groups, [&](int64_t group) {
      ForTiles(group, [&](Images images) {
        if (!has_references_ || !cut_.keeps_scores) FormScores(chunk, group, images);
        SumExponentials(TileOf(chunk, images), ScoresOf(group, images), clip_, SlopesOf(group, images),
                        arrays_.group_exps + group * columns, arrays_.group_squares + group * columns,
                        arrays_.positives);
      });
    });
  }

  void FormScores(SourceChunk chunk, int64_t group, Images images) const {
    FormMapScores(ProductOf(chunk, images), operands_.sources + ChunkOffset(chunk), PanelSize(),
                  ScoresOf(group, images));
  }

  // m of each column: the largest clipped score of its negatives, where that is finite.
  void FindReferences(SourceChunk chunk) {
    const int64_t columns = cut_.padded_columns();
    std::fill_n(arrays_.group_maxima, cut_.groups * columns, -std::numeric_limits<T>::infinity());
    parallel_.For(cut_.groups, [&](int64_t group) {
      ForTiles(group, [&](Images images) {
        FormScores(chunk, group, images);
        MaxOfNegatives(TileOf(chunk, images), ScoresOf(group, images), arrays_.group_maxima + group * columns);
      });
    });
    for (int64_t b = 0; b < columns; ++b) {
      T maximum = arrays_.group_maxima[b];
      for (int64_t g = 1; g < cut_.groups; ++g) maximum = std::max(maximum, arrays_.group_maxima[g * columns + b]);
      arrays_.references[b] = maximum;
    }
    ClipScores(columns, clip_.clip, arrays_.references);
    for (int64_t b = 0; b < columns; ++b) {
      if (!std::isfinite(arrays_.references[b])) arrays_.references[b] = 0;
    }
  }

  // Sums over groups in their order, losses of the positives and the gradient with respect to them, weights of the
  // negatives.
  void FinishColumns(SourceChunk chunk) {
    const int64_t columns = cut_.padded_columns();
    for (int64_t b = 0; b < chunk.columns; ++b) {
      arrays_.exp_sums[b] = 0;
      for (int64_t g = 0; g < cut_.groups; ++g) {
        arrays_.exp_sums[b] += arrays_.group_exps[g * columns + b];
        square_sum_ += arrays_.group_squares[g * columns + b];
      }
    }
    // A single image: its loss is 0 unless a score is NaN, and so is what its positives weigh.
    const bool has_negatives = shape_.images > 1;
    if (!has_negatives) arrays_.exp_sums[0] = 1;
    ScorePositives({shape_.locations, chunk.columns, cut_.width}, clip_,
                   {arrays_.exp_sums, FiniteCast<T>(PositiveWeight()), ScoreWeight()}, arrays_.positives,
                   arrays_.loss_sums, arrays_.sigmoid_sums);
    std::fill_n(arrays_.negative_weights, columns, T{0});
    if (!has_negatives) {
      if (std::isnan(arrays_.loss_sums[0])) loss_sum_ = arrays_.loss_sums[0];
      return;
    }
    for (int64_t b = 0; b < chunk.columns; ++b) {
      loss_sum_ += arrays_.loss_sums[b];
      const double weight = PositiveWeight() * arrays_.sigmoid_sums[b] / arrays_.exp_sums[b];
      arrays_.negative_weights[b] = FiniteCast<T>(weight);
    }
  }

  double PositiveWeight() const {
    if (shape_.images == 1) return 0;
    return std::ldexp(operands_.loss_weight, -weight_exponent_) /
           (static_cast<double>(shape_.images) * static_cast<double>(shape_.locations));
  }
  T ScoreWeight() const {
    const auto images = static_cast<double>(shape_.images);
    return FiniteCast<T>(2 * std::ldexp(operands_.square_weight, -weight_exponent_) /
                         (images * images * static_cast<double>(shape_.locations)));
  }

  // The gradient with respect to the scores of a tile, and what it gives to targets and sources.
  void AddGradients(SourceChunk chunk, int64_t group, Images images) const {
    if (!cut_.keeps_scores) FormScores(chunk, group, images);
    AddTargetGradient(chunk, group, images);
    if (operands_.source_gradient != nullptr) AddSourceGradient(chunk, group, images, 0, shape_.channels);
  }

  void AddTargetGradient(SourceChunk chunk, int64_t group, Images images) const {
    T* const scores = ScoresOf(group, images);
    FormGradient(TileOf(chunk, images), clip_,
                 {arrays_.negative_weights, ScoreWeight(), arrays_.positives, SlopesOf(group, images)}, scores);
    if (operands_.target_gradient != nullptr) {
      FormTargetGradient(GradientProductOf(chunk, images), operands_.sources + ChunkOffset(chunk), scores, PanelSize(),
                         operands_.accumulate_target || chunk.first > 0, operands_.target_gradient);
    }
  }

  // Of so many channels; `scores` are the gradient with respect to them by now.
  void AddSourceGradient(SourceChunk chunk, int64_t group, Images images, int64_t first_channel,
                         int64_t channels) const {
    MapProduct<T> product = GradientProductOf(chunk, images);
    product.first_channel = first_channel;
    product.channel_count = channels;
    FormSourceGradient(product, ScoresOf(group, images), PanelSize(), images.first > cut_.Group(group).first,
                       SourceGradientOf(chunk, group));
  }

  // Where a group's sum is formed.
  T* SourceGradientOf(SourceChunk chunk, int64_t group) const {
    if (group == 0) return operands_.source_gradient + ChunkOffset(chunk);
    return arrays_.partials + (group - 1) * shape_.channels * cut_.padded_columns();
  }

  // Adds up what the groups gave, in their order.
  void AddUpGroups(SourceChunk chunk) const {
    if (cut_.groups == 1) return;
    const int64_t elements = SourcePanels(chunk).size();
    T* const sum = SourceGradientOf(chunk, 0);
    parallel_.For(CeilDiv(elements, kReducedElements), [&](int64_t i) {
      const int64_t last = std::min((i + 1) * kReducedElements, elements);
      for (int64_t g = 1; g < cut_.groups; ++g) {
        const T* partial = SourceGradientOf(chunk, g);
        for (int64_t e = i * kReducedElements; e < last; ++e) sum[e] += partial[e];
      }
    });
  }

  const MapOperands<T>& operands_;
  const MapContrastShape shape_;
  const MapContrastCut& cut_;
  const T alpha_;
  const int weight_exponent_;  // Of the power of two that weights lack on the way.
  const bool has_references_;
  const bool wants_gradient_;
  const std::atomic<bool>* const cancelled_;
  Parallel& parallel_;
  MapContrastArrays<T> arrays_;
  ScoreClip<T> clip_;
  double loss_sum_ = 0;
  double square_sum_ = 0;
};

}  // namespace

template <typename T>
int64_t MapContrastWorkspaceBytes(const MapContrastShape& shape, const MapContrastCut& cut) {
  Workspace workspace(nullptr);
  LayOutMapContrast<T>(shape, cut, workspace);
  return workspace.bytes();
}

template <typename T>
MapContrastResult ComputeMapContrast(const ContrastProblem& problem, const MapOperands<T>& operands,
                                     const MapContrastCut& cut, std::byte* workspace,
                                     const std::atomic<bool>* cancelled, Parallel& parallel) {
  return ContrastRun<T>(problem, operands, cut, workspace, cancelled, parallel).Run();
}

template int64_t MapContrastWorkspaceBytes<float>(const MapContrastShape& shape, const MapContrastCut& cut);
template int64_t MapContrastWorkspaceBytes<double>(const MapContrastShape& shape, const MapContrastCut& cut);
template MapContrastResult ComputeMapContrast(const ContrastProblem&, const MapOperands<float>&, const MapContrastCut&,
                                              std::byte*, const std::atomic<bool>*, Parallel&);
template MapContrastResult ComputeMapContrast(const ContrastProblem&, const MapOperands<double>&, const MapContrastCut&,
                                              std::byte*, const std::atomic<bool>*, Parallel&);

}  // namespace lossd
