// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Reads ZIP archives, as NumPy's .npz files are: members stored or deflated, archives below 4 GiB.

#ifndef LOSSD_CLIENT_NPY_ZIP_ARCHIVE_H_
#define LOSSD_CLIENT_NPY_ZIP_ARCHIVE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lossd {

// A member of an archive, as its directory describes it. Nothing of this is checked before the member is read.
struct ZipMember {
  std::string name;
  uint16_t method = 0;  // 0: stored, 8: deflated.
  uint64_t stored_bytes = 0;
  uint64_t bytes = 0;
  uint64_t header_offset = 0;  // From the archive's first byte.
  uint32_t checksum = 0;       // CRC-32 of the content.
};

// Whether bytes begin as an archive does.
bool IsZip(absl::string_view bytes);

// The directory of the archive that `bytes` holds whole, in its order; names may come twice. INVALID_ARGUMENT if it is
// malformed or needs ZIP64, or a member is encrypted. All errors here are texts without a file's name. Thread-safe.
absl::StatusOr<std::vector<ZipMember>> ListZip(absl::string_view bytes);

// The content of a member of ListZip(bytes), its checksum compared. INVALID_ARGUMENT if it is malformed or packed in
// another way; never allocates more than deflated data of its length can become (a thousand times as much).
absl::StatusOr<std::string> ReadZipMember(absl::string_view bytes, const ZipMember& member);

}  // namespace lossd

#endif  // LOSSD_CLIENT_NPY_ZIP_ARCHIVE_H_
