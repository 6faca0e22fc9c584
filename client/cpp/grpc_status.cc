// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cpp/grpc_status.h"

#include <string>

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
};

// Of texts that come with `code`.
absl::string_view HintFor(grpc::StatusCode code, absl::string_view text) {
  static constexpr Hint kTooLarge = {"message larger than max", "a client's limit is ClientOptions.max_message_bytes"};
  // Of connections that did not come about, in the words of OpenSSL or of gRPC.
  static constexpr Hint kConnections[] = {
      {"certificate verify failed", "ClientOptions.tls trusts none who signed the server's certificate"},
      {"wrong version number", "the server speaks plain text there, without ClientOptions.tls"},
      {": Socket closed", "servers do so that want ClientOptions.tls, or in it a certificate that they trust"},
      {"empty address list",
       "if ClientOptions.tls is given, its roots, certificate or key cannot be read, or the key "
       "is that of another certificate"}};
  if (code == grpc::StatusCode::RESOURCE_EXHAUSTED && absl::StrContains(text, kTooLarge.text)) return kTooLarge.meaning;
  if (code != grpc::StatusCode::UNAVAILABLE) return "";
  for (const Hint& hint : kConnections) {
    if (absl::StrContains(text, hint.text)) return hint.meaning;
  }
  return "";
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string text = status.error_message();
  const absl::string_view hint = HintFor(status.error_code(), text);
  if (!hint.empty()) absl::StrAppend(&text, "; ", hint);
  absl::Status result(Code(status.error_code()), text);
  if (!status.error_details().empty()) result.SetPayload(kStatusDetailsUrl, absl::Cord(status.error_details()));
  return result;
}

absl::Status ToAbslStatus(const google::rpc::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  absl::Status result(Code(status.code()), status.message());
  result.SetPayload(kStatusDetailsUrl,
                    absl::Cord(status.SerializeAsString()));  // Also without any: it is the server's.
  return result;
}

}  // namespace lossd::client
