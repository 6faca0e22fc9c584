// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What was built: the same in every program and library of a build, from the project's CMakeLists.txt and git.

#ifndef LOSSD_CORE_PROCESS_BUILD_INFO_H_
#define LOSSD_CORE_PROCESS_BUILD_INFO_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lossd {

extern const char* const kBuildVersion;  // Of the project: "0.1.0".
extern const char* const
    kBuildRevision;  // Of the sources: a commit, with "-dirty" where files differed from it, or "unknown".

// "NAME 0.1.0 (59f5a5475c23)": what a program prints for --version.
std::string VersionText(absl::string_view program);

}  // namespace lossd

#endif  // LOSSD_CORE_PROCESS_BUILD_INFO_H_
