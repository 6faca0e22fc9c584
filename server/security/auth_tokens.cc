// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/security/auth_tokens.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lossd {
namespace {

constexpr absl::string_view kScheme = "Bearer ";

bool IsVisible(absl::string_view text) { return std::all_of(text.begin(), text.end(), absl::ascii_isgraph); }

// Looks at every byte, whichever differ.
bool Equals(absl::string_view token, absl::string_view shown) {
  return token.size() == shown.size() && CRYPTO_memcmp(token.data(), shown.data(), token.size()) == 0;
}

}  // namespace

absl::Status NotAuthenticated(absl::string_view got) {
  return absl::UnauthenticatedError(
      absl::StrCat("authorization: expected \"Bearer <token>\" with a token that the server accepts, got ", got));
}

absl::Status AuthTokens::Replace(absl::string_view text) {
  std::vector<std::string> tokens;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    if (!IsVisible(line)) {
      return absl::InvalidArgumentError(
          absl::StrCat("expected a token of visible ASCII characters in line ", number, ", got others"));
    }
    tokens.emplace_back(line);
  }
  if (tokens.empty() || tokens.size() > kMaxTokens) {
    return absl::InvalidArgumentError(absl::StrCat("expected 1 to ", kMaxTokens, " tokens, got ", tokens.size()));
  }
  absl::MutexLock lock(&mu_);
  tokens_ = std::move(tokens);
  return absl::OkStatus();
}

absl::Status AuthTokens::Check(absl::string_view header) const {
  if (!absl::StartsWithIgnoreCase(header, kScheme)) return NotAuthenticated("another scheme");
  const absl::string_view shown = absl::StripAsciiWhitespace(header.substr(kScheme.size()));
  bool accepted = false;
  absl::MutexLock lock(&mu_);
  for (const std::string& token : tokens_) accepted |= Equals(token, shown);
  return accepted ? absl::OkStatus() : NotAuthenticated("another token");
}

}  // namespace lossd
