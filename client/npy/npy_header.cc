// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/npy_header.h"

#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/npy/little_endian.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

constexpr absl::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;

absl::Status Malformed(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("malformed .npy header: ", problem));
}

absl::StatusOr<DType> ParseDescr(absl::string_view descr) {
  absl::string_view kind = descr;
  if (!kind.empty() && absl::StrContains("<>|", kind.front())) kind.remove_prefix(1);
  if (kind == "f4") return DType::kFloat32;
  if (kind == "f2") return DType::kFloat16;
  if (kind == "f8") return DType::kFloat64;
  if (kind == "i4") return DType::kInt32;
  if (kind == "i8") return DType::kInt64;
  if (kind == "u1") return DType::kUint8;
  if (kind == "V2" || kind == "u2") return DType::kBFloat16;
  return absl::InvalidArgumentError(absl::StrCat("descr: expected one of f2 f4 f8 i4 i8 u1 V2 u2, got '", descr, "'"));
}

absl::string_view Descr(DType dtype) {
  constexpr absl::string_view kDescr[] = {"", "<f4", "<f2", "<V2", "<f8", "<i4", "<i8", "|u1"};
  return kDescr[static_cast<size_t>(dtype)];
}

// Reads the dict literal. Accepts what Python's repr of such a dict can look like, keys in any order.
class DictParser {
 public:
  explicit DictParser(absl::string_view text) : rest_(text) {}

  absl::StatusOr<NpyHeader> Parse() {
    if (!Take('{')) return Malformed("expected '{'");
    while (!Take('}')) {
      LOSSD_ASSIGN_OR_RETURN(const absl::string_view key, String());
      if (!Take(':')) return Malformed(absl::StrCat("expected ':' after '", key, "'"));
      LOSSD_RETURN_IF_ERROR(Value(key));
      if (!Take(',') && Peek() != '}') return Malformed("expected ',' or '}'");
    }
    SkipBlanks();
    if (!rest_.empty()) return Malformed("text after '}'");
    if (!dtype_) return Malformed("no 'descr'");
    if (!fortran_order_) return Malformed("no 'fortran_order'");
    if (!shape_) return Malformed("no 'shape'");
    return NpyHeader{*dtype_, *fortran_order_, big_endian_, *shape_, 0};
  }

 private:
  absl::Status Value(absl::string_view key) {
    if (key == "descr" && !dtype_) {
      if (Peek() == '[')
        return absl::InvalidArgumentError("descr: expected a plain element type, got a structured one");
      LOSSD_ASSIGN_OR_RETURN(const absl::string_view descr, String());
      LOSSD_ASSIGN_OR_RETURN(dtype_, ParseDescr(descr));
      big_endian_ = descr.front() == '>';
      return absl::OkStatus();
    }
    if (key == "fortran_order" && !fortran_order_) {
      LOSSD_ASSIGN_OR_RETURN(fortran_order_, Bool());
      return absl::OkStatus();
    }
    if (key == "shape" && !shape_) {
      LOSSD_ASSIGN_OR_RETURN(shape_, Tuple());
      return absl::OkStatus();
    }
    return Malformed(absl::StrCat("unexpected or repeated key '", key, "'"));
  }

  absl::StatusOr<absl::string_view> String() {
    const char quote = Peek();
    if (quote != '\'' && quote != '"') return Malformed("expected a string");
    rest_.remove_prefix(1);
    const size_t end = rest_.find(quote);
    if (end == absl::string_view::npos) return Malformed("unterminated string");
    const absl::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  absl::StatusOr<bool> Bool() {
    SkipBlanks();
    if (absl::ConsumePrefix(&rest_, "True")) return true;
    if (absl::ConsumePrefix(&rest_, "False")) return false;
    return Malformed("fortran_order: expected True or False");
  }

  absl::StatusOr<Shape> Tuple() {
    if (!Take('(')) return Malformed("shape: expected '('");
    Shape shape;
    bool comma = true;
    while (!Take(')')) {
      if (!comma) return Malformed("shape: expected ',' or ')'");
      LOSSD_ASSIGN_OR_RETURN(const int64_t extent, Integer());
      shape.push_back(extent);
      comma = Take(',');
    }
    if (shape.size() == 1 && !comma) return Malformed("shape: expected a tuple, got a number in parentheses");
    return shape;
  }

  absl::StatusOr<int64_t> Integer() {
    SkipBlanks();
    size_t digits = 0;
    while (digits < rest_.size() && absl::ascii_isdigit(static_cast<unsigned char>(rest_[digits]))) ++digits;
    int64_t value = 0;
    if (!absl::SimpleAtoi(rest_.substr(0, digits), &value))
      return Malformed("shape: expected extents from 0 to 2^63-1");
    rest_.remove_prefix(digits);
    absl::ConsumePrefix(&rest_, "L");  // Python 2 wrote long integers so.
    return value;
  }

  void SkipBlanks() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }
  char Peek() {
    SkipBlanks();
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::string_view rest_;
  std::optional<DType> dtype_;
  bool big_endian_ = false;
  std::optional<bool> fortran_order_;
  std::optional<Shape> shape_;
};

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic)
    return absl::InvalidArgumentError("not a .npy file: no \\x93NUMPY in front");
  if (bytes.size() < kMagic.size() + 2) return Malformed("truncated before the version");
  const int major = static_cast<unsigned char>(bytes[kMagic.size()]);
  if (major < 1 || major > 3) return Malformed(absl::StrCat("expected version 1, 2 or 3, got ", major));
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t start = kMagic.size() + 2 + length_bytes;
  if (bytes.size() < start) return Malformed("truncated before its length");
  const size_t length = LittleEndian(bytes, start - length_bytes, length_bytes);
  if (length > kMaxNpyHeaderBytes - start) {
    return Malformed(absl::StrCat("expected at most ", kMaxNpyHeaderBytes, " bytes, got ", length));
  }
  if (bytes.size() - start < length) return Malformed(absl::StrCat("truncated, expected ", start + length, " bytes"));
  LOSSD_ASSIGN_OR_RETURN(NpyHeader header, DictParser(bytes.substr(start, length)).Parse());
  header.data_offset = start + length;
  LOSSD_RETURN_IF_ERROR(CheckedByteSize(header.dtype, header.shape).status());
  return header;
}

std::string FormatNpyHeader(const TensorSpec& spec) {
  std::string dict = absl::StrCat("{'descr': '", Descr(spec.dtype), "', 'fortran_order': False, 'shape': (",
                                  absl::StrJoin(spec.shape, ", "), spec.shape.size() == 1 ? ",), }" : "), }");
  const size_t start = kMagic.size() + 4;
  dict.append(kAlignment - (start + dict.size() + 1) % kAlignment, ' ');
  dict.push_back('\n');
  const std::string length = {static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
  return absl::StrCat(kMagic, absl::string_view("\x01\x00", 2), length, dict);
}

}  // namespace lossd
