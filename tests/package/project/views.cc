// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "views.h"

#include <cmath>
#include <cstdio>

std::vector<float> MakeView(int seed) {
  std::vector<float> view(kRows * kColumns);
  for (size_t i = 0; i < view.size(); ++i) view[i] = static_cast<float>(std::sin(0.37 * static_cast<double>(i) + seed));
  return view;
}

void Print(double objective, std::span<const float> gradient) {
  std::printf("objective %a", objective);
  for (size_t i = 0; i < gradient.size(); i += 100) std::printf(" %a", static_cast<double>(gradient[i]));
  std::printf("\n");
}
