// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Files that are read again when they change.

#ifndef LOSSD_SERVER_PROCESS_WATCHED_FILES_H_
#define LOSSD_SERVER_PROCESS_WATCHED_FILES_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace lossd {

// A file and the flag that names it.
struct NamedFile {
  std::string flag;  // "--tls_cert_file".
  std::string path;
};

// Files that belong together, as a certificate and its key do. By content, not by time of change: it does not matter
// how they are replaced, and links that are swapped, as those of a Kubernetes secret, are followed anew. Not
// thread-safe.
class WatchedFiles {
 public:
  static constexpr size_t kMaxBytes = size_t{1} << 20;  // Of a file.

  // Takes the contents in the order of the files, or says what is wrong with them and leaves things as they are. Called
  // by Look, on its thread. The files are not read all in one moment: what does not fit together may be half of a
  // change, and is looked at again once it is whole.
  using Take = std::function<absl::Status(const std::vector<std::string>& contents)>;

  WatchedFiles(std::vector<NamedFile> files, Take take);

  // Reads the files. True if they have changed since the last time and were taken; false if they are as they were then,
  // right or wrong. INVALID_ARGUMENT if they have changed and cannot be read, naming flag and path, or are not taken.
  absl::StatusOr<bool> Look();

 private:
  using Contents = absl::StatusOr<std::vector<std::string>>;

  Contents Read() const;

  const std::vector<NamedFile> files_;
  const Take take_;
  std::optional<Contents> seen_;
};

}  // namespace lossd

#endif  // LOSSD_SERVER_PROCESS_WATCHED_FILES_H_
