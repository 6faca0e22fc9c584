// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/grpc_status.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lossd::client {
namespace {

absl::StatusCode Code(int code) {
  const bool known = code >= 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  return known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

struct Hint {
  absl::string_view text;     // In what gRPC says.
  absl::string_view meaning;  // What it leaves unsaid.
  bool stays = false;         // Whether a later attempt would end alike.
};

constexpr Hint kTooLarge = {"message larger than max", "a client's limit is ClientOptions.max_message_bytes"};
// Of connections that did not come about, in the words of OpenSSL or of gRPC.
constexpr Hint kConnections[] = {
    {"certificate verify failed", "ClientOptions.tls trusts none who signed the server's certificate", true},
    {"wrong version number", "the server speaks plain text there, without ClientOptions.tls", true},
    {": Socket closed", "servers do so that want ClientOptions.tls, or in it a certificate that they trust"},
    {"empty address list",
     "if ClientOptions.tls is given, its roots, certificate or key cannot be read, or the key "
     "is that of another certificate",
     true}};

// Of texts that come with `code`.
absl::string_view HintFor(grpc::StatusCode code, absl::string_view text) {
  if (code == grpc::StatusCode::RESOURCE_EXHAUSTED && absl::StrContains(text, kTooLarge.text)) return kTooLarge.meaning;
  if (code != grpc::StatusCode::UNAVAILABLE) return "";
  for (const Hint& hint : kConnections) {
    if (absl::StrContains(text, hint.text)) return hint.meaning;
  }
  return "";
}

// Whether a status without details, which a lossd server attaches to its own, came from the server.
bool IsServers(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
      return false;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:  // gRPC's own limit, which says on which side where that is not this.
      return !absl::StrContains(absl::AsciiStrToLower(status.error_message()), kTooLarge.text) ||
             absl::StrContains(status.error_message(), "SERVER");
    default:
      return true;
  }
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string text = status.error_message();
  const absl::string_view hint = HintFor(status.error_code(), text);
  if (!hint.empty()) absl::StrAppend(&text, "; ", hint);
  absl::Status result(Code(status.error_code()), text);
  if (!status.error_details().empty()) {
    result.SetPayload(kStatusDetailsUrl, absl::Cord(status.error_details()));
  } else if (IsServers(status)) {
    result.SetPayload(kServerUrl, absl::Cord());
  }
  return result;
}

absl::Status ToAbslStatus(const google::rpc::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  absl::Status result(Code(status.code()), status.message());
  result.SetPayload(kStatusDetailsUrl,
                    absl::Cord(status.SerializeAsString()));  // Also without any: it is the server's.
  return result;
}

bool StaysUnavailable(const absl::Status& status) {
  return std::any_of(std::begin(kConnections), std::end(kConnections), [&status](const Hint& hint) {
    return hint.stays && absl::StrContains(status.message(), hint.text);
  });
}

}  // namespace lossd::client
