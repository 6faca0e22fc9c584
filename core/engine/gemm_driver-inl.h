// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Cuts a product into blocks that stay in cache, packs what has to be packed, and runs the tiles. For sources compiled
// once per target.

#if defined(LOSSD_CORE_ENGINE_GEMM_DRIVER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOSSD_CORE_ENGINE_GEMM_DRIVER_INL_H_
#undef LOSSD_CORE_ENGINE_GEMM_DRIVER_INL_H_
#else
#define LOSSD_CORE_ENGINE_GEMM_DRIVER_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/engine/gemm_bf16-inl.h"
#include "core/engine/gemm_kernel-inl.h"
#include "core/engine/gemm_pack-inl.h"
#include "core/engine/gemm_plan.h"
#include "core/engine/gemm_scratch.h"
#include "core/engine/matrix_run.h"
#include "core/engine/rounding.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lossd {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
inline constexpr TileShape kTileShape = {kTileRows, kTileColumns<T>, kVectorLanes<T>, kPartialTiles};

// Packs panels as PackPanels does, in bfloat16 where that is asked for.
template <typename T>
void PackOperand(const PanelSource<T>& source, int64_t width, bool bf16, T* panels) {
  PackPanels(source, width, panels);
  if constexpr (std::is_same_v<T, float>) {
    if (!bf16) return;
    for (int64_t lane = 0; lane < source.lanes; lane += width) {
      RoundPanel(source.steps, width, UsesPairs(bf16), panels + lane * source.steps);
    }
  }
}

// Packs whole tiles of `width` lanes, run of k after run of k, as PackedOffset finds them.
template <typename T>
void PackTiles(const PackTask<T>& task, int64_t width, int64_t panel) {
  const int64_t padded = RoundedUp(task.extent, panel);
  const int64_t depth = RunDepth(task.k);
  for (int64_t step = 0; step < task.k; step += depth) {
    const int64_t steps = std::min(depth, task.k - step);
    PackOperand<T>({task.data, task.across, task.begin, task.end - task.begin, task.along, step, steps}, width,
                   task.bf16, task.memory + padded * step + task.begin * steps);
  }
}

// A panel of B that tiles are multiplied with.
template <typename T>
struct RightPanel {
  const T* data;
  int64_t step;     // Elements from one row to the next.
  int64_t first;    // Its first column in C.
  int64_t columns;  // At most a tile's.
};

template <typename T>
HWY_INLINE void PrefetchRuns(const BlockedResult<T>& c, int64_t row, int64_t rows, const MatrixRuns& runs) {
  for (int64_t i = 0; i < rows; ++i) {
    const T* first = c.data + c.rows.Offset(row + i);
    for (const MatrixRun& run : runs) {
      hwy::Prefetch(first + run.offset);
      hwy::Prefetch(first + run.offset + run.length - 1);
    }
  }
}

// Computes one tile of C aside and writes it part by part: it lies across the ends of blocks, or is narrower than the
// target's kernels.
template <typename T>
HWY_NOINLINE void ScatterTile(const Product<T>& product, int64_t row, int64_t rows, const RightPanel<T>& panel,
                              TileFunction<T> compute, TileTask<T> task) {
  // Parts of a row are read in whole vectors, the last of which may reach behind the last row.
  HWY_ALIGN T tile[kTileRows * kTileColumns<T> + kVectorLanes<T>];
  const T alpha = task.alpha;
  const bool accumulate = task.accumulate;
  task.alpha = T{1};
  task.accumulate = false;
  task.c = tile;
  task.c_stride = kTileColumns<T>;
  const MatrixRuns runs(product.c.columns, panel.first, panel.columns);
  if (task.k >= kWorthPrefetching) PrefetchRuns(product.c, row, rows, runs);
  compute(task);
  for (int64_t i = 0; i < rows; ++i) {
    T* c = product.c.data + product.c.rows.Offset(row + i);
    const T* from = tile + i * kTileColumns<T>;
    for (const MatrixRun& run : runs) {
      UpdateRow(from, run.length, alpha, accumulate, c + run.offset);
      from += run.length;
    }
  }
}

// Computes rows [row, row + rows) of C in one panel's columns.
template <typename T>
HWY_INLINE void UpdateTile(const Product<T>& product, int64_t row, int64_t rows, const RightPanel<T>& panel,
                           bool packed_rows, TileTask<T>& task) {
  const int64_t vectors = CeilDiv(panel.columns, kVectorLanes<T>);
  const auto index = static_cast<size_t>((rows - 1) * kTileVectors + vectors - 1);
  const bool partial = panel.columns != vectors * kVectorLanes<T>;
  const MatrixRun row_run = RunAt(product.c.rows, row, rows);
  const MatrixRun column_run = RunAt(product.c.columns, panel.first, panel.columns);
  if (row_run.length == rows && column_run.length == panel.columns && (kPartialTiles || !partial)) {
    task.c = product.c.data + row_run.offset + column_run.offset;
    task.c_stride = product.c.rows.stride;
    task.last_lanes = panel.columns - (vectors - 1) * kVectorLanes<T>;
    TileFunctionsFor<T>(packed_rows, partial, UsesPairs(product.bf16))[index](task);
  } else {
    ScatterTile(product, row, rows, panel, TileFunctionsFor<T>(packed_rows, false, UsesPairs(product.bf16))[index],
                task);
  }
}

// Lets the tile of `task`, one of `tiles` above a panel, ask for its share of what the next panel is packed from.
template <typename T>
HWY_INLINE void AskForPanel(const PanelSource<T>& next, int64_t tile, int64_t tiles, TileTask<T>& task) {
  if (next.across.stride != 1 || next.along.block != Axis::kOneBlock) {
    PrefetchPanel(next, tile, tiles);
    return;
  }
  const int64_t steps = CeilDiv(next.steps, tiles);
  task.ahead = next.data + next.along.Offset(next.first_step + std::min(tile * steps, next.steps - 1));
  task.ahead_stride = next.along.stride;
  task.stretch = std::max<int64_t>(1, task.k / steps);
  // A panel's row takes up to three cache lines where it is in one run, and two a run otherwise.
  const MatrixRun run = RunAt(next.across, next.first_lane, next.lanes);
  const int64_t last = next.across.Offset(next.first_lane + next.lanes - 1);
  task.ahead_offsets = {run.offset, run.offset + run.length / 2, run.offset + run.length - 1, last};
}

// A part of a product: rows x columns of C, over one run of k.
struct Block {
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;
  int64_t step;
  int64_t steps;
};

// Walks through the blocks of one product. Lives on the stack of one call.
template <typename T>
class BlockWalk {
 public:
  explicit BlockWalk(const Product<T>& product) : product_(product), plan_(PlanProduct(product, kTileShape<T>)) {}

  void Run() {
    for (int64_t column = 0; column < product_.n; column += std::min(plan_.columns, product_.n)) {
      const int64_t columns = std::min(plan_.columns, product_.n - column);
      for (int64_t step = 0; step < product_.k; step += plan_.depth) {
        const int64_t steps = std::min(plan_.depth, product_.k - step);
        for (int64_t row = 0; row < product_.m; row += plan_.rows) {
          RunBlock({row, std::min(plan_.rows, product_.m - row), column, columns, step, steps});
        }
      }
    }
  }

 private:
  void RunBlock(const Block& block) {
    if (plan_.pack_rows) PackBlockRows(block);
    TileTask<T> task = {.k = UsesPairs(product_.bf16) ? (block.steps + 1) / 2 : block.steps,
                        .alpha = product_.alpha,
                        .accumulate = product_.accumulate || block.step > 0};
    const TilePlace rows = RowsOf(block, task);
    const int64_t tiles = CeilDiv(block.rows, kTileRows);
    for (int64_t j = 0; j < block.columns; j += kTileColumns<T>) {
      const RightPanel<T> panel = PanelOf(block, j);
      task.b = panel.data;
      task.b_step = panel.step;
      task.ahead = nullptr;
      task.stretch = kOneStretch;
      const bool packs_next = plan_.pack_columns && block.row == 0 && j + kTileColumns<T> < block.columns;
      for (int64_t i = 0; i < block.rows; i += kTileRows) {
        if (packs_next) AskForPanel(SourceOf(block, j + kTileColumns<T>), i / kTileRows, tiles, task);
        task.a = rows.data + (i / kTileRows) * rows.tile_step;
        UpdateTile(product_, block.row + i, std::min<int64_t>(kTileRows, block.rows - i), panel, rows.packed, task);
      }
    }
  }

  // Where the tiles of a block's rows lie.
  struct TilePlace {
    const T* data;
    int64_t tile_step;  // From one tile to the next.
    bool packed;
  };

  TilePlace RowsOf(const Block& block, TileTask<T>& task) const {
    if (plan_.pack_rows) return {PackedRowsScratch(), kTileRows * block.steps, true};
    const BlockedView<T>& view = product_.a;
    task.a_row = view.rows.stride;
    task.a_step = view.columns.stride;
    return {view.data + block.row * view.rows.stride + block.step * view.columns.stride, kTileRows * view.rows.stride,
            false};
  }

  void PackBlockRows(const Block& block) const {
    const BlockedView<T>& view = product_.a;
    PackOperand<T>({view.data, view.rows, block.row, block.rows, view.columns, block.step, block.steps}, kTileRows,
                   product_.bf16, PackedRowsScratch());
  }

  // The panel of B from column `j` of the block on, packed if that has not been done for an earlier block of rows.
  RightPanel<T> PanelOf(const Block& block, int64_t j) const {
    const int64_t column = block.column + j;
    const int64_t columns = std::min<int64_t>(kTileColumns<T>, block.columns - j);
    const PackedColumns<T>& packed = product_.b.packed;
    if (packed.data != nullptr) {
      const int64_t padded = RoundedUp(packed.extent, kPanelColumns);
      return {packed.data + padded * block.step + (packed.first + column) * block.steps, kTileColumns<T>, column,
              columns};
    }
    const BlockedView<T>& view = product_.b.view;
    if (!plan_.pack_columns && columns == kTileColumns<T>) {
      return {view.data + block.step * view.rows.stride + column, view.rows.stride, column, columns};
    }
    const int64_t width = RoundedUp(columns, kVectorLanes<T>);
    const bool once = plan_.rows >= product_.m;
    T* const memory = PackedColumnsScratch() + (once ? 0 : j * block.steps);
    if (block.row == 0) {
      PackOperand(SourceOf(block, j), width, product_.bf16, memory);
    }
    return {memory, width, column, columns};
  }

  PanelSource<T> SourceOf(const Block& block, int64_t j) const {
    const BlockedView<T>& view = product_.b.view;
    const int64_t columns = std::min<int64_t>(kTileColumns<T>, block.columns - j);
    return {view.data, view.columns, block.column + j, columns, view.rows, block.step, block.steps};
  }

  T* PackedRowsScratch() const { return static_cast<T*>(GemmScratch()); }
  T* PackedColumnsScratch() const { return static_cast<T*>(GemmScratch()) + kScratchRowElements<T>; }

  const Product<T>& product_;
  const ProductPlan plan_;
};

// A product that is read and written in place, tile by tile, without packing; tiles end where blocks of columns do.
template <typename T>
void MultiplyInPlace(const Product<T>& product) {
  const int64_t height = TileHeight(product.m);
  const BlockedView<T>& a = product.a;
  const BlockedView<T>& b = product.b.view;
  TileTask<T> task;
  task.a_row = a.rows.stride;
  task.a_step = a.columns.stride;
  task.b_step = b.rows.stride;
  task.alpha = product.alpha;
  const int64_t depth = RunDepth(product.k);
  for (int64_t step = 0; step < product.k; step += depth) {
    task.k = std::min(depth, product.k - step);
    task.accumulate = product.accumulate || step > 0;
    for (int64_t j = 0; j < product.n;) {
      const MatrixRun run = RunAt(b.columns, j, std::min<int64_t>(kTileColumns<T>, product.n - j));
      const T* const columns = b.data + step * b.rows.stride + run.offset;
      const RightPanel<T> panel = {columns, b.rows.stride, j, RunAt(product.c.columns, j, run.length).length};
      task.b = columns;
      for (int64_t i = 0; i < product.m; i += height) {
        task.a = a.data + i * a.rows.stride + step * a.columns.stride;
        UpdateTile(product, i, std::min(height, product.m - i), panel, false, task);
      }
      j += panel.columns;
    }
  }
}

template <typename T>
void Multiply(const Product<T>& product) {
  if (IsBestInPlace(product, kTileShape<T>)) {
    MultiplyInPlace(product);
  } else {
    BlockWalk<T>(product).Run();
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace lossd
HWY_AFTER_NAMESPACE();

#endif  // LOSSD_CORE_ENGINE_GEMM_DRIVER_INL_H_
