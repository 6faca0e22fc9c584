// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/npy/array_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/npy/npy.h"
#include "client/npy/safetensors.h"
#include "client/npy/zip_archive.h"
#include "core/status/status_macros.h"

namespace lossd {
namespace {

bool IsFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// A file, and a member of it, or none.
std::pair<std::string, std::string> SplitPlace(const std::string& place) {
  const size_t colon = place.rfind(':');
  if (IsFile(place) || colon == std::string::npos || !IsFile(place.substr(0, colon))) return {place, ""};
  return {place.substr(0, colon), place.substr(colon + 1)};
}

absl::StatusOr<std::string> Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(std::filesystem::file_size(path), '\0');
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return absl::UnavailableError("cannot be read");
  }
  return bytes;
}

std::string Front(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char bytes[4] = {};
  file.read(bytes, sizeof(bytes));
  return std::string(bytes, static_cast<size_t>(file.gcount()));
}

// The member to read: the one asked for, else that of the input's name, else the only one.
absl::StatusOr<std::string> Choose(const std::vector<std::string>& names, const std::string& member,
                                   absl::string_view name) {
  const std::string wanted = member.empty() ? std::string(name) : member;
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return wanted;
  if (member.empty() && names.size() == 1) return names.front();
  return absl::InvalidArgumentError(absl::StrCat("expected file:member with one of ", absl::StrJoin(names, ", "),
                                                 ", got ", member.empty() ? "none" : member));
}

absl::StatusOr<Tensor> FromNpz(absl::string_view bytes, const std::string& member, absl::string_view name) {
  LOSSD_ASSIGN_OR_RETURN(const std::vector<ZipMember> members, ListZip(bytes));
  std::vector<std::string> names;
  for (const ZipMember& each : members) names.emplace_back(absl::StripSuffix(each.name, ".npy"));
  LOSSD_ASSIGN_OR_RETURN(const std::string chosen, Choose(names, member, name));
  const size_t place = static_cast<size_t>(std::find(names.begin(), names.end(), chosen) - names.begin());
  LOSSD_ASSIGN_OR_RETURN(const std::string content, ReadZipMember(bytes, members[place]));
  return ParseNpy(content, name);
}

absl::StatusOr<Tensor> FromSafetensors(absl::string_view bytes, const std::string& member, absl::string_view name) {
  LOSSD_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListSafetensors(bytes));
  LOSSD_ASSIGN_OR_RETURN(const std::string chosen, Choose(names, member, name));
  return ParseSafetensor(bytes, chosen, name);
}

absl::StatusOr<Tensor> FromArchive(const std::string& path, const std::string& member, absl::string_view name,
                                   bool is_zip) {
  LOSSD_ASSIGN_OR_RETURN(const std::string bytes, Content(path));
  return is_zip ? FromNpz(bytes, member, name) : FromSafetensors(bytes, member, name);
}

}  // namespace

absl::StatusOr<Tensor> ReadArray(const std::string& place, absl::string_view name) {
  const auto [path, member] = SplitPlace(place);
  const bool is_zip = IsFile(path) && IsZip(Front(path));
  if (!is_zip && !absl::EndsWith(path, ".safetensors")) {
    if (member.empty()) return ReadNpy(path, name);
    return absl::InvalidArgumentError(absl::StrCat(path, ": expected an archive with members, got another file"));
  }
  if (!IsFile(path)) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  absl::StatusOr<Tensor> tensor = FromArchive(path, member, name, is_zip);
  if (tensor.ok()) return tensor;
  return absl::Status(tensor.status().code(), absl::StrCat(path, ": ", tensor.status().message()));
}

}  // namespace lossd
