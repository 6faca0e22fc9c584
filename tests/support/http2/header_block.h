// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Headers as HTTP/2 sends them (RFC 7541), as far as tests need it: no Huffman code, which gRPC does not use.

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_HEADER_BLOCK_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_HEADER_BLOCK_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace lossd::testing {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// A number with a prefix of `prefix_bits` in its first byte, below `pattern`.
std::string EncodeInteger(uint64_t value, int prefix_bits, uint8_t pattern);

// Literals that are not indexed.
std::string EncodeHeaders(const HeaderList& headers);

// Reads the blocks of one connection, in order. Not thread-safe.
class HeaderDecoder {
 public:
  // Nullopt if the block is malformed. A string in Huffman code is left as it is; what stands in the standard's own
  // table and is no pseudo-header of an answer has an empty name.
  std::optional<HeaderList> Decode(absl::string_view block);

 private:
  std::optional<std::pair<std::string, std::string>> Entry(uint64_t index) const;
  bool DecodeField(absl::string_view& block, HeaderList& headers);

  std::deque<std::pair<std::string, std::string>> table_;  // The newest first.
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_HEADER_BLOCK_H_
