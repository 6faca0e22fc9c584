// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/gemm_bound.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <utility>

#include "core/engine/gemm.h"
#include "core/engine/rounding.h"
#include "core/scheduling/batch_scheduler.h"
#include "tests/bench/contenders.h"

namespace lossd::bench {
namespace {

// Operands for the largest of the products; they share memory.
struct Operands {
  explicit Operands(const std::vector<BoundProduct>& products) {
    int64_t a_size = 0, b_size = 0, c_size = 0;
    for (const BoundProduct& p : products) {
      a_size = std::max(a_size, p.m * p.k);
      b_size = std::max(b_size, p.k * p.n);
      c_size = std::max(c_size, p.m * p.n);
    }
    a.assign(static_cast<size_t>(a_size), 0.5f);
    b.assign(static_cast<size_t>(b_size), 0.25f);
    c.assign(static_cast<size_t>(c_size), 0.0f);
  }
  std::vector<float> a, b, c;
};

// Computes one product in a layout.
using MultiplyInLayout = std::function<void(const BoundProduct&, bool a_transposed, bool b_transposed, Operands&)>;

struct Layout {
  bool a_transposed;
  bool b_transposed;
};

Layout FastestLayout(const BoundProduct& product, const MultiplyInLayout& multiply, Operands& operands) {
  constexpr std::array<Layout, 4> kLayouts = {{{false, false}, {false, true}, {true, false}, {true, true}}};
  std::vector<Contender> contenders;
  for (const Layout& layout : kLayouts) {
    contenders.push_back(
        {"", Repeated([&, layout] { multiply(product, layout.a_transposed, layout.b_transposed, operands); })});
  }
  const std::vector<Timing> timings = TimeInTurns(contenders, {.seconds = 0.1, .least_rounds = 2, .pause = 0});
  const auto best =
      std::min_element(timings.begin(), timings.end(), [](const Timing& x, const Timing& y) { return x.min < y.min; });
  return kLayouts[static_cast<size_t>(best - timings.begin())];
}

std::function<void()> InFastestLayouts(const std::vector<BoundProduct>& products, const MultiplyInLayout& multiply) {
  const auto operands = std::make_shared<Operands>(products);
  std::vector<Layout> layouts;
  for (const BoundProduct& product : products) layouts.push_back(FastestLayout(product, multiply, *operands));
  return [=] {
    for (size_t i = 0; i < products.size(); ++i) {
      for (int64_t time = 0; time < products[i].times; ++time) {
        multiply(products[i], layouts[i].a_transposed, layouts[i].b_transposed, *operands);
      }
    }
  };
}

// Part of [0, extent) in multiples of `unit`.
std::pair<int64_t, int64_t> PartOf(int64_t extent, int64_t unit, int64_t part, int64_t parts) {
  const int64_t units = CeilDiv(extent, unit);
  return {std::min(extent, units * part / parts * unit), std::min(extent, units * (part + 1) / parts * unit)};
}

void MultiplyPart(const BoundProduct& p, Layout layout, int64_t part, int64_t parts, Operands& operands) {
  const bool by_rows = p.m > p.n;
  const auto [first, last] = by_rows ? PartOf(p.m, kPanelRows, part, parts) : PartOf(p.n, kPanelColumns, part, parts);
  auto a = layout.a_transposed ? MatrixView<float>::Transposed(operands.a.data(), p.m)
                               : MatrixView<float>::RowMajor(operands.a.data(), p.k);
  auto b = layout.b_transposed ? MatrixView<float>::Transposed(operands.b.data(), p.k)
                               : MatrixView<float>::RowMajor(operands.b.data(), p.n);
  float* c = operands.c.data();
  if (by_rows) {
    a.data += first * a.row_stride;
    Gemm(last - first, p.n, p.k, 1.0f, a, b, false, c + first * p.n, p.n);
  } else {
    b.data += first * b.column_stride;
    Gemm(p.m, last - first, p.k, 1.0f, a, b, false, c + first, p.n);
  }
}

template <typename Function>
void Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) throw std::runtime_error(std::string("no ") + name + " in libopenblas.so.0");
}

}  // namespace

std::vector<BoundProduct> ContrastProducts(int64_t rows, int64_t columns, int64_t width) {
  const int64_t block = std::min<int64_t>(512, rows);
  const int64_t times = CeilDiv(rows, block);
  return {{block, columns, width, times}, {block, width, columns, times}, {columns, width, block, times}};
}

double BoundFlops(const std::vector<BoundProduct>& products) {
  double flops = 0;
  for (const BoundProduct& p : products) {
    flops += 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k * p.times);
  }
  return flops;
}

void ShortenOpenBlasSpinning() { setenv("OPENBLAS_THREAD_TIMEOUT", "22", 1); }  // Binary logarithm of clock ticks.

OpenBlas::OpenBlas() : library_(dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL)) {
  if (library_ == nullptr) throw std::runtime_error("cannot load libopenblas.so.0");
  Find(library_, "openblas_set_num_threads", set_threads_);
  Find(library_, "cblas_sgemm", sgemm_);
}

void OpenBlas::Multiply(bool a_transposed, bool b_transposed, int64_t m, int64_t n, int64_t k, const float* a,
                        const float* b, float* c) const {
  constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;
  const auto rows = static_cast<int>(m), columns = static_cast<int>(n), depth = static_cast<int>(k);
  sgemm_(kRowMajor, a_transposed ? kTransposed : kPlain, b_transposed ? kTransposed : kPlain, rows, columns, depth,
         1.0f, a, a_transposed ? rows : depth, b, b_transposed ? depth : columns, 0.0f, c, columns);
}

std::string OpenBlas::core_name() const {
  char* (*name)() = nullptr;
  Find(library_, "openblas_get_corename", name);
  return name();
}

std::function<void()> BoundByOpenBlas(const OpenBlas& blas, int threads, const std::vector<BoundProduct>& products) {
  blas.SetThreads(threads);
  auto run = InFastestLayouts(products, [&blas](const BoundProduct& p, bool a_t, bool b_t, Operands& operands) {
    blas.Multiply(a_t, b_t, p.m, p.n, p.k, operands.a.data(), operands.b.data(), operands.c.data());
  });
  return [&blas, threads, run = std::move(run)] {
    blas.SetThreads(threads);
    run();
  };
}

std::function<void()> BoundByLossd(int threads, const std::vector<BoundProduct>& products) {
  std::shared_ptr<BatchScheduler> workers =
      *BatchScheduler::Create({.threads = std::max(1, threads - 1)}, [](const Batch&) { return true; });
  return InFastestLayouts(products, [=](const BoundProduct& p, bool a_t, bool b_t, Operands& operands) {
    const int64_t parts = threads == 1 ? 1 : 2 * threads;
    const auto body = [&](int64_t part) { MultiplyPart(p, {a_t, b_t}, part, parts, operands); };
    threads == 1 ? body(0) : workers->ParallelFor(parts, body);
  });
}

}  // namespace lossd::bench
