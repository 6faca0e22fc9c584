// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/subcommand.h"

#include <cerrno>
#include <fstream>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/status/errno_text.h"

namespace lossd::cli {
namespace {

constexpr absl::string_view kUsageUrl = "lossctl/usage";
constexpr absl::string_view kLocalUrl = "lossctl/local";

}  // namespace

absl::Status UsageError(absl::string_view text) {
  absl::Status status = absl::InvalidArgumentError(text);
  status.SetPayload(kUsageUrl, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kUsageUrl).has_value(); }

absl::Status LocalError(absl::Status status) {
  status.SetPayload(kLocalUrl, absl::Cord());
  return status;
}

bool IsLocalError(const absl::Status& status) { return status.GetPayload(kLocalUrl).has_value(); }

std::string Reason(int code) { return code == 0 ? "" : absl::StrCat(": ", ErrnoText(code)); }

absl::string_view InputHint(absl::string_view argument) {
  double value = 0;
  return absl::SimpleAtod(argument, &value) ? "; elements of a list are separated by commas, such as 1,2" : "";
}

absl::StatusOr<std::string> ReadFlagFile(absl::string_view flag, const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char buffer[4096];
  while (file.read(buffer, sizeof(buffer)) || file.gcount() > 0)
    text.append(buffer, static_cast<size_t>(file.gcount()));
  if (file.eof()) return text;
  return UsageError(absl::StrCat(flag, ": cannot read ", path, Reason(errno)));  // Or is a folder, which can be opened.
}

}  // namespace lossd::cli
