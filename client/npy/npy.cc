// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/npy.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/npy/npy_header.h"
#include "core/status/errno_text.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

absl::Status AtFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

absl::Status ReadExactly(std::FILE* file, void* target, size_t bytes) {
  if (std::fread(target, 1, bytes, file) == bytes) return absl::OkStatus();
  return absl::UnavailableError(std::ferror(file) ? ErrnoText(errno) : "the file shrank while it was read");
}

// Copies elements of `size` bytes from Fortran order to C order. `shape` has no zero extent.
void ToCOrder(const std::byte* from, absl::Span<const int64_t> shape, size_t size, std::byte* to) {
  const int64_t count = ElementCount(shape);
  std::vector<int64_t> strides(shape.size(), 1);  // Of the source, in elements.
  for (size_t d = 1; d < shape.size(); ++d) strides[d] = strides[d - 1] * shape[d - 1];
  std::vector<int64_t> index(shape.size(), 0);
  int64_t source = 0;
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(to + static_cast<size_t>(i) * size, from + static_cast<size_t>(source) * size, size);
    for (size_t d = shape.size(); d-- > 0;) {
      source += strides[d];
      if (++index[d] < shape[d]) break;
      source -= strides[d] * shape[d];
      index[d] = 0;
    }
  }
}

absl::StatusOr<size_t> FileSize(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return absl::NotFoundError("no such file");
  if (!error && status.type() != std::filesystem::file_type::regular) {
    return absl::InvalidArgumentError("expected a regular file");
  }
  const auto size = std::filesystem::file_size(path, error);
  if (error) return absl::UnavailableError(error.message());
  return static_cast<size_t>(size);
}

// Reverses the bytes of each element of `size` bytes.
void SwapBytes(std::byte* elements, size_t bytes, size_t size) {
  for (size_t at = 0; at + size <= bytes; at += size) std::reverse(elements + at, elements + at + size);
}

absl::Status CheckLength(const NpyHeader& header, size_t file_size) {
  const size_t expected = static_cast<size_t>(*CheckedByteSize(header.dtype, header.shape));
  if (file_size - header.data_offset == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected, " bytes of elements for ",
                                                 ShapeText(header.shape), " of ", DTypeName(header.dtype), ", got ",
                                                 file_size - header.data_offset));
}

// A tensor as `header` says, with elements that `fill` puts where it is told to, in the file's order.
template <typename Fill>
absl::StatusOr<Tensor> MakeTensor(const NpyHeader& header, absl::string_view name, const Fill& fill) {
  TensorSpec spec{std::string(name), header.dtype, header.shape};
  const size_t bytes = static_cast<size_t>(ByteSize(spec));
  BufferPool pool(0);  // Buffers outlive it and are freed, not kept.
  Tensor tensor(std::move(spec), pool.Allocate(bytes));
  if (!header.fortran_order || bytes == 0) {
    LOSSD_RETURN_IF_ERROR(fill(tensor.bytes(), bytes));
  } else {
    std::vector<std::byte> elements(bytes);
    LOSSD_RETURN_IF_ERROR(fill(elements.data(), bytes));
    ToCOrder(elements.data(), header.shape, SizeOf(header.dtype), tensor.bytes());
  }
  if (header.big_endian) SwapBytes(tensor.bytes(), bytes, SizeOf(header.dtype));
  return tensor;
}

absl::StatusOr<Tensor> Read(const std::string& path, absl::string_view name) {
  LOSSD_ASSIGN_OR_RETURN(const size_t file_size, FileSize(path));
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return absl::UnavailableError(ErrnoText(errno));
  std::string front(std::min(file_size, kMaxNpyHeaderBytes), '\0');
  LOSSD_RETURN_IF_ERROR(ReadExactly(file.get(), front.data(), front.size()));
  LOSSD_ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(front));
  LOSSD_RETURN_IF_ERROR(CheckLength(header, file_size));
  if (std::fseek(file.get(), static_cast<long>(header.data_offset), SEEK_SET) != 0) {
    return absl::UnavailableError(ErrnoText(errno));
  }
  return MakeTensor(header, name,
                    [&](std::byte* target, size_t bytes) { return ReadExactly(file.get(), target, bytes); });
}

}  // namespace

absl::StatusOr<Tensor> ReadNpy(const std::string& path, absl::string_view name) {
  absl::StatusOr<Tensor> tensor = Read(path, name);
  if (!tensor.ok()) return AtFile(path, tensor.status());
  return tensor;
}

absl::StatusOr<Tensor> ParseNpy(absl::string_view bytes, absl::string_view name) {
  LOSSD_ASSIGN_OR_RETURN(const NpyHeader header, ParseNpyHeader(bytes));
  LOSSD_RETURN_IF_ERROR(CheckLength(header, bytes.size()));
  return MakeTensor(header, name, [&](std::byte* target, size_t size) {
    if (size > 0) std::memcpy(target, bytes.data() + header.data_offset, size);
    return absl::OkStatus();
  });
}

absl::Status WriteNpy(const std::string& path, const TensorSpec& spec, absl::Span<const std::byte> elements) {
  const absl::StatusOr<int64_t> expected = CheckedByteSize(spec.dtype, spec.shape);
  if (!expected.ok()) return AtFile(path, expected.status());
  if (elements.size() != static_cast<size_t>(*expected)) {
    return AtFile(path, absl::InvalidArgumentError(absl::StrCat("expected ", *expected, " bytes of elements for ",
                                                                ShapeText(spec.shape), " of ", DTypeName(spec.dtype),
                                                                ", got ", elements.size())));
  }
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return AtFile(path, absl::ErrnoToStatus(errno, "cannot open for writing"));
  const std::string header = FormatNpyHeader(spec);
  const bool written = std::fwrite(header.data(), 1, header.size(), file.get()) == header.size() &&
                       std::fwrite(elements.data(), 1, elements.size(), file.get()) == elements.size();
  if (std::fclose(file.release()) != 0 || !written) {
    return AtFile(path, absl::ErrnoToStatus(errno, "cannot write"));
  }
  return absl::OkStatus();
}

}  // namespace lossd
