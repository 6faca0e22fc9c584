// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/progress_bar.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lossd::cli {

void ProgressBar::Show(size_t done, absl::string_view label) {
  if (out_ == nullptr) return;
  constexpr size_t kWidth = 30;
  const size_t filled = total_ == 0 ? kWidth : std::min(done, total_) * kWidth / total_;
  std::string line = absl::StrCat("[", std::string(filled, '#'), std::string(kWidth - filled, '.'), "] ", done, "/",
                                  total_, " ", label.substr(0, 40));
  const size_t width = line.size();
  if (width < drawn_) line.append(drawn_ - width, ' ');
  drawn_ = width;
  *out_ << '\r' << line << std::flush;
}

ProgressBar::~ProgressBar() {
  if (out_ != nullptr && drawn_ > 0) *out_ << '\r' << std::string(drawn_, ' ') << '\r' << std::flush;
}

}  // namespace lossd::cli
