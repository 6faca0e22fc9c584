// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Checks the strings of a message before protobuf parses them, and words what is wrong with a message's bytes.

#ifndef LOSSD_PROTO_WIRE_TEXT_CHECKS_H_
#define LOSSD_PROTO_WIRE_TEXT_CHECKS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/wire/reader.h"

namespace lossd::wire {

// Whether `text` is valid UTF-8 in protobuf's sense: shortest forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(absl::string_view text);

// The name that `content` holds; INVALID_ARGUMENT if it is longer than kMaxNameBytes or not UTF-8.
absl::StatusOr<std::string> ReadName(absl::string_view field, const Reader& content);

// How a client would write a part of a tensor: `inputs[anchor.1].shape`, by index where there is no name. Control
// characters of the name are escaped.
std::string TensorPath(absl::string_view list, absl::string_view name, int64_t index, absl::string_view part);

// INVALID_ARGUMENT: `field` is not what protobuf reads, but expected to be `expectation`; or as seen at the cursor.
absl::Status Malformed(absl::string_view field, absl::string_view expectation);
absl::Status Malformed(absl::string_view field, const Reader& cursor);

// Whether `status` is one of these: no protobuf parser reads the message that it is about. Of a status that was made
// anew from code and text it is false.
bool IsMalformed(const absl::Status& status);

}  // namespace lossd::wire

#endif  // LOSSD_PROTO_WIRE_TEXT_CHECKS_H_
