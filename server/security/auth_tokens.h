// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The bearer tokens that callers may show.

#ifndef LOSSD_SERVER_SECURITY_AUTH_TOKENS_H_
#define LOSSD_SERVER_SECURITY_AUTH_TOKENS_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace lossd {

// A set of tokens that can be replaced while calls are checked: empty at first, when no call passes. Thread-safe; a
// check holds the lock while it compares.
class AuthTokens {
 public:
  static constexpr size_t kMaxTokens = 64;  // Each call is compared with all of them.

  // Takes the tokens of `text`, one a line; white space around them, blank lines and lines that begin with # do not
  // count. INVALID_ARGUMENT, saying of the text no more than the number of a line, and no change, if there is none,
  // more than kMaxTokens, or one that no header can carry: tokens are of visible ASCII characters.
  absl::Status Replace(absl::string_view text);

  // OK if `header`, the value of a call's `authorization`, is "Bearer <one of the tokens>"; else UNAUTHENTICATED,
  // saying nothing of the header's content. How long it takes tells the lengths of the tokens, and nothing else of
  // them.
  absl::Status Check(absl::string_view header) const;

 private:
  mutable absl::Mutex mu_;
  std::vector<std::string> tokens_ ABSL_GUARDED_BY(mu_);
};

// UNAUTHENTICATED: `got` instead of the header that AuthTokens takes.
absl::Status NotAuthenticated(absl::string_view got);

}  // namespace lossd

#endif  // LOSSD_SERVER_SECURITY_AUTH_TOKENS_H_
