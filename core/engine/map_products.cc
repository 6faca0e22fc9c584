// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/engine/map_products.h"

#include <algorithm>
#include <cstdint>

#include "core/engine/gemm.h"
#include "core/engine/gemm_plan.h"
#include "core/engine/matrix_run.h"
#include "core/engine/rounding.h"
#include "core/engine/short_sums.h"

// Vectors of a length unknown to the compiler cannot be kept in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/engine/map_products.cc"
#include "hwy/foreach_target.h"
// Highway wants these after foreach_target.h.
#include "core/engine/gemm_kernel-inl.h"
#include "core/engine/gemm_pack-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {
namespace {

// Multiplies `rows` rows of A, at most a tile's, with all panels of B: the rows stay in the first-level cache.
template <typename T>
HWY_INLINE void MultiplyRows(TileTask<T>& task, int64_t rows, const T* b, int64_t b_panel, T* c, int64_t c_panel,
                             int64_t columns) {
  const int64_t width = task.b_step;
  for (int64_t first = 0; first < columns; first += width, b += b_panel, c += c_panel) {
    const int64_t used = std::min(width, columns - first);
    for (int64_t column = 0; column < used; column += kTileColumns<T>) {
      const int64_t vectors = std::min<int64_t>(kTileVectors, CeilDiv(used - column, kVectorLanes<T>));
      task.b = b + column;
      task.c = c + column;
      kTileFunctions<T, kStridedRows>[static_cast<size_t>((rows - 1) * kTileVectors + vectors - 1)](task);
    }
  }
}

template <typename T>
TileTask<T> TaskOf(const MapProduct<T>& product) {
  TileTask<T> task;
  task.b_step = product.width;
  task.c_stride = product.width;
  task.alpha = product.alpha;
  return task;
}

// Up to so many sources sums are cut finer: where images are alike, so are the roundings of their terms, and few rows
// have no mean that hides them. With 200 of 1280 channels it would cost up to 5 % of a request.
constexpr int64_t kFewSources = 48;

template <typename T>
bool HasFewSources(const MapProduct<T>& product) {
  return product.columns <= kFewSources;
}

// Scores of `rows` rows, at most a tile's, with all sources: the sums over channels [run, run_end), of which `a` has
// the first, are formed in short ones and then added to those of the channels before.
template <typename T>
HWY_INLINE void AddScores(const MapProduct<T>& product, TileTask<T>& task, int64_t rows, int64_t run, int64_t run_end,
                          const T* a, const T* sources, T* scores, int64_t panel_size) {
  HWY_ALIGN T tile[kTileRows * kTileColumns<T>];
  const int64_t width = product.width;
  for (int64_t first = 0; first < product.columns; first += width) {
    const T* const b = sources + first / width * product.sources().panel_size();
    T* const c = scores + first / width * panel_size;
    const int64_t used = std::min(width, product.columns - first);
    for (int64_t column = 0; column < used; column += kTileColumns<T>) {
      const int64_t vectors = std::min<int64_t>(kTileVectors, CeilDiv(used - column, kVectorLanes<T>));
      task.c = run == 0 ? c + column : tile;
      task.c_stride = run == 0 ? width : kTileColumns<T>;
      for (int64_t step = run; step < run_end; step += kShortSum) {
        task.k = std::min(kShortSum, run_end - step);
        task.accumulate = step > run;
        task.a = a + (step - run) * task.a_step;
        task.b = b + step * width + column;
        kTileFunctions<T, kStridedRows>[static_cast<size_t>((rows - 1) * kTileVectors + vectors - 1)](task);
      }
      for (int64_t i = 0; run > 0 && i < rows; ++i) {
        UpdateRow(tile + i * kTileColumns<T>, vectors * kVectorLanes<T>, T{1}, true, c + i * width + column);
      }
    }
  }
}

template <typename T>
void Scores(const MapProduct<T>& product, const T* sources, int64_t panel_size, T* scores) {
  // Single locations are vectors one behind the other, and the rows of one product.
  const bool single = product.locations == 1;
  const int64_t image_rows = single ? product.rows() : product.locations;
  const int64_t height = TileHeight(image_rows);
  TileTask<T> task = TaskOf(product);
  task.a_row = single ? product.channels : 1;
  task.a_step = product.locations;
  // Sums of scores are short, because features behind a ReLU make all their terms positive. Rows meet all of a run
  // before the next ones do, so that their scores stay in the first-level cache meanwhile.
  const bool few = HasFewSources(product);
  const int64_t depth = RunDepth(product.channels);
  for (int64_t run = 0; run < product.channels; run += depth) {
    const int64_t run_end = std::min(run + depth, product.channels);
    for (int64_t row = 0; row < product.rows(); row += image_rows) {
      const int64_t image = product.images.first + row / product.locations;
      const T* const a = product.targets + (image * product.channels + run) * product.locations;
      for (int64_t i = 0; i < image_rows; i += height) {
        const int64_t rows = std::min(height, image_rows - i);
        T* const to = scores + (row + i) * product.width;
        if (few) {
          AddScores(product, task, rows, run, run_end, a + i * task.a_row, sources, to, panel_size);
          continue;
        }
        for (int64_t step = run; step < run_end; step += kShortSum) {
          task.k = std::min(kShortSum, run_end - step);
          task.accumulate = step > 0;
          task.a = a + (step - run) * task.a_step + i * task.a_row;
          MultiplyRows(task, rows, sources + step * product.width, product.sources().panel_size(), to, panel_size,
                       product.columns);
        }
      }
    }
  }
}

// Adds the sum over one run of rows, which begins at `a` in the targets.
template <typename T>
void AddRun(const MapProduct<T>& product, TileTask<T>& task, const T* a, const T* scores, int64_t panel_size,
            T* gradient) {
  const int64_t height = TileHeight(product.channels);
  const int64_t end = product.channel_count > 0 ? product.first_channel + product.channel_count : product.channels;
  for (int64_t channel = product.first_channel; channel < end; channel += height) {
    task.a = a + channel * task.a_row;
    MultiplyRows(task, std::min(height, end - channel), scores, panel_size, gradient + channel * product.width,
                 product.sources().panel_size(), product.columns);
  }
  task.accumulate = true;
}

template <typename T>
void SourceGradient(const MapProduct<T>& product, const T* scores, int64_t panel_size, bool accumulate, T* gradient) {
  const int64_t locations = product.locations;
  const int64_t image_size = product.channels * locations;
  TileTask<T> task = TaskOf(product);
  task.accumulate = accumulate;
  task.a_row = locations;
  task.a_step = locations == 1 ? product.channels : 1;
  if (locations > 1 && locations <= kGemmDepth) {
    task.stretch = locations;
    task.a_jump = image_size - locations;
  }
  const int64_t run = HasFewSources(product) ? kGemmDepth / 2 : kGemmDepth;
  const int64_t images = std::max(run / locations, int64_t{1});  // Of a run.
  const int64_t depth = RunDepth(locations, run);                // Where an image is more than a run.
  for (int64_t image = product.images.first; image < product.images.last; image += images) {
    const T* const a = product.targets + image * image_size;
    const T* const rows = scores + (image - product.images.first) * locations * product.width;
    for (int64_t step = 0; step < locations; step += depth) {
      task.k = std::min(depth, locations - step) * std::min(images, product.images.last - image);
      AddRun(product, task, a + step, rows + step * product.width, panel_size, gradient);
    }
  }
}

// Finds the places of neighbouring columns of a row. False if one of the vectors would be in more than two parts, or
// the target's kernels know no parts.
template <typename T>
bool PlaceColumns(const Axis& axis, int64_t first, int64_t count, TileTask<T>& task) {
  if (!kPartialTiles) return false;
  for (VectorPlace& place : task.places) {
    const int64_t lanes = std::min<int64_t>(kVectorLanes<T>, count);
    if (lanes <= 0) break;
    const MatrixRun run = RunAt(axis, first, lanes);
    MatrixRun rest = {run.offset, 0};
    if (run.length < lanes) rest = RunAt(axis, first + run.length, lanes - run.length);
    if (run.length + rest.length < lanes) return false;
    place = {run.offset, run.length, rest.offset, rest.length};
    first += lanes;
    count -= lanes;
  }
  return true;
}

// Computes a tile aside and writes it run by run.
template <typename T>
HWY_NOINLINE void ScatterTile(TileFunction<T> compute, TileTask<T> task, int64_t rows, const MatrixRuns& runs) {
  // Parts of a row are read in whole vectors, the last of which may reach behind the last row.
  HWY_ALIGN T tile[kTileRows * kTileColumns<T> + kVectorLanes<T>];
  const TileTask<T> to = task;
  task.alpha = T{1};
  task.accumulate = false;
  task.c = tile;
  task.c_stride = kTileColumns<T>;
  compute(task);
  for (int64_t i = 0; i < rows; ++i) {
    const T* from = tile + i * kTileColumns<T>;
    for (const MatrixRun& run : runs) {
      UpdateRow(from, run.length, to.alpha, to.accumulate, to.c + i * to.c_stride + run.offset);
      from += run.length;
    }
  }
}

// Multiplies all channels with a panel of columns, whose first is `first`.
template <typename T>
void MultiplyChannels(const MapProduct<T>& product, TileTask<T>& task, const T* sources, int64_t first, int64_t count,
                      T* gradient) {
  const Axis columns = {1, product.locations, product.channels * product.locations};
  const bool in_parts = PlaceColumns(columns, first, count, task);
  const int64_t vectors = CeilDiv(count, kVectorLanes<T>);
  const MatrixRuns runs = in_parts ? MatrixRuns() : MatrixRuns(columns, first, count);
  const int64_t height = TileHeight(product.channels);
  for (int64_t channel = 0; channel < product.channels; channel += height) {
    const int64_t rows = std::min(height, product.channels - channel);
    const auto index = static_cast<size_t>((rows - 1) * kTileVectors + vectors - 1);
    task.a = sources + channel * product.width;
    task.c = gradient + channel * product.locations;
    if (in_parts) {
#if LOSSD_MASKED_STORES
      kTileFunctions<T, kInParts>[index](task);
#endif
    } else {
      ScatterTile(kTileFunctions<T, kStridedRows>[index], task, rows, runs);
    }
  }
}

template <typename T>
void TargetGradient(const MapProduct<T>& product, const T* sources, const T* scores, int64_t panel_size,
                    bool accumulate, T* gradient) {
  const Panels panels = product.sources();
  TileTask<T> task = TaskOf(product);
  task.a_row = product.width;
  task.a_step = 1;
  task.stretch = product.width;
  task.a_jump = panels.panel_size() - product.width;
  task.c_stride = product.locations;
  HWY_ALIGN T packed[kGemmDepth * kTileColumns<T>];
  T* const first_image = gradient + product.images.first * product.channels * product.locations;
  for (int64_t step = 0; step < product.columns; step += kGemmDepth) {
    task.k = std::min(kGemmDepth, product.columns - step);
    task.accumulate = accumulate || step > 0;
    for (int64_t row = 0; row < product.rows(); row += kTileColumns<T>) {
      const int64_t count = std::min<int64_t>(kTileColumns<T>, product.rows() - row);
      task.b_step = RoundedUp(count, kVectorLanes<T>);
      task.b = packed;
      const Axis along = {1, product.width, panel_size};
      PackPanels<T>({scores, Axis{product.width}, row, count, along, step, task.k}, task.b_step, packed);
      MultiplyChannels(product, task, sources + panels.Offset(0, step), row, count, first_image);
    }
  }
}

void ScoresFloat(const MapProduct<float>& product, const float* sources, int64_t panel_size, float* scores) {
  Scores(product, sources, panel_size, scores);
}
void ScoresDouble(const MapProduct<double>& product, const double* sources, int64_t panel_size, double* scores) {
  Scores(product, sources, panel_size, scores);
}
void SourceGradientFloat(const MapProduct<float>& product, const float* scores, int64_t panel_size, bool accumulate,
                         float* gradient) {
  SourceGradient(product, scores, panel_size, accumulate, gradient);
}
void SourceGradientDouble(const MapProduct<double>& product, const double* scores, int64_t panel_size, bool accumulate,
                          double* gradient) {
  SourceGradient(product, scores, panel_size, accumulate, gradient);
}

void TargetGradientFloat(const MapProduct<float>& product, const float* sources, const float* scores,
                         int64_t panel_size, bool accumulate, float* gradient) {
  TargetGradient(product, sources, scores, panel_size, accumulate, gradient);
}
void TargetGradientDouble(const MapProduct<double>& product, const double* sources, const double* scores,
                          int64_t panel_size, bool accumulate, double* gradient) {
  TargetGradient(product, sources, scores, panel_size, accumulate, gradient);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lossd {
namespace {
HWY_EXPORT(ScoresFloat);
HWY_EXPORT(ScoresDouble);
HWY_EXPORT(SourceGradientFloat);
HWY_EXPORT(SourceGradientDouble);
HWY_EXPORT(TargetGradientFloat);
HWY_EXPORT(TargetGradientDouble);

// The general product: for images of one location each, whose gradient is a plain matrix, and in bfloat16, for which
// operands have to be packed.
template <typename T>
class GeneralProduct {
 public:
  explicit GeneralProduct(const MapProduct<T>& product, int64_t panel_size)
      : product_(product), scores_{panel_size / product.width, product.columns, product.width} {}

  void FormScores(const T* sources, T* scores) const {
    Gemm(product_.rows(), product_.columns, product_.channels, product_.alpha, Targets().Transposed(),
         PanelView(sources, product_.sources()), false, PanelResult(scores, scores_), product_.precision);
  }
  void FormSourceGradient(const T* scores, bool accumulate, T* gradient) const {
    Gemm(product_.channels, product_.columns, product_.rows(), product_.alpha, Targets(), PanelView(scores, scores_),
         accumulate, PanelResult(gradient, product_.sources()), product_.precision);
  }
  void FormTargetGradient(const T* sources, const T* scores, bool accumulate, T* gradient) const {
    Gemm(product_.channels, product_.rows(), product_.columns, product_.alpha, PanelView(sources, product_.sources()),
         PanelView(scores, scores_).Transposed(), accumulate,
         FeatureMapsResult(gradient + FirstImage(), product_.channels, product_.locations), product_.precision);
  }

 private:
  int64_t FirstImage() const { return product_.images.first * product_.channels * product_.locations; }
  BlockedView<T> Targets() const {
    return FeatureMaps(product_.targets + FirstImage(), product_.channels, product_.locations);
  }

  const MapProduct<T>& product_;
  const Panels scores_;
};

bool RoundsFloats(const MapProduct<float>& product) { return product.precision == GemmPrecision::kBf16; }

}  // namespace

void FormMapScores(const MapProduct<float>& product, const float* sources, int64_t panel_size, float* scores) {
  if (RoundsFloats(product)) return GeneralProduct(product, panel_size).FormScores(sources, scores);
  HWY_DYNAMIC_DISPATCH(ScoresFloat)(product, sources, panel_size, scores);
}

void FormSourceGradient(const MapProduct<float>& product, const float* scores, int64_t panel_size, bool accumulate,
                        float* gradient) {
  if (RoundsFloats(product)) {
    return GeneralProduct(product, panel_size).FormSourceGradient(scores, accumulate, gradient);
  }
  HWY_DYNAMIC_DISPATCH(SourceGradientFloat)(product, scores, panel_size, accumulate, gradient);
}

void FormTargetGradient(const MapProduct<float>& product, const float* sources, const float* scores, int64_t panel_size,
                        bool accumulate, float* gradient) {
  if (product.locations == 1 || RoundsFloats(product)) {
    return GeneralProduct(product, panel_size).FormTargetGradient(sources, scores, accumulate, gradient);
  }
  HWY_DYNAMIC_DISPATCH(TargetGradientFloat)(product, sources, scores, panel_size, accumulate, gradient);
}

void FormMapScores(const MapProduct<double>& product, const double* sources, int64_t panel_size, double* scores) {
  HWY_DYNAMIC_DISPATCH(ScoresDouble)(product, sources, panel_size, scores);
}

void FormSourceGradient(const MapProduct<double>& product, const double* scores, int64_t panel_size, bool accumulate,
                        double* gradient) {
  HWY_DYNAMIC_DISPATCH(SourceGradientDouble)(product, scores, panel_size, accumulate, gradient);
}

void FormTargetGradient(const MapProduct<double>& product, const double* sources, const double* scores,
                        int64_t panel_size, bool accumulate, double* gradient) {
  if (product.locations == 1) {
    return GeneralProduct(product, panel_size).FormTargetGradient(sources, scores, accumulate, gradient);
  }
  HWY_DYNAMIC_DISPATCH(TargetGradientDouble)(product, sources, scores, panel_size, accumulate, gradient);
}

}  // namespace lossd
#endif  // HWY_ONCE
