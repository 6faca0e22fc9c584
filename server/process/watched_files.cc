// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/process/watched_files.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status/status_macros.h"
#include "server/process/system_files.h"

namespace lossd {

WatchedFiles::WatchedFiles(std::vector<NamedFile> files, Take take)
    : files_(std::move(files)), take_(std::move(take)) {}

WatchedFiles::Contents WatchedFiles::Read() const {
  std::vector<std::string> contents;
  for (const NamedFile& file : files_) {
    absl::StatusOr<std::string> content = ReadRegularFile(file.path, kMaxBytes);
    if (!content.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(file.flag, ": cannot read \"", file.path, "\": ", content.status().message()));
    }
    contents.push_back(*std::move(content));
  }
  return contents;
}

absl::StatusOr<bool> WatchedFiles::Look() {
  Contents contents = Read();
  if (contents == seen_) return false;
  seen_ = std::move(contents);
  LOSSD_RETURN_IF_ERROR(seen_->status());
  LOSSD_RETURN_IF_ERROR(take_(**seen_));
  return true;
}

}  // namespace lossd
