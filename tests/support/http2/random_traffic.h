// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What a client might send that has HTTP/2 and gRPC about right.

#ifndef LOSSD_TESTS_SUPPORT_HTTP2_RANDOM_TRAFFIC_H_
#define LOSSD_TESTS_SUPPORT_HTTP2_RANDOM_TRAFFIC_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/support/http2/header_block.h"

namespace lossd::testing {

// Makes up the bytes of connections: calls of known and unknown methods with headers, continuations and messages, other
// frames among them. Half of the connections keep to HTTP/2, so that what is wrong with their calls and messages gets
// through to the server; on the others there is damage of every kind. The same for the same seed and build. Not
// thread-safe.
class RandomTraffic {
 public:
  // `messages` are good ones, of any method.
  RandomTraffic(uint64_t seed, std::vector<std::string> messages) : random_(seed), messages_(std::move(messages)) {}

  // All that a client sends on one connection, at most some hundred kilobytes.
  std::string Connection();

 private:
  // Below `bound` > 0.
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t times) { return Below(times) == 0; }
  // The same, but never on a connection that keeps to HTTP/2.
  bool Slips(uint64_t times) { return wild_ && OneIn(times); }
  std::string AnyBytes(uint64_t at_most);
  template <typename List>
  auto Any(const List& list) {
    return *(std::begin(list) + Below(std::size(list)));
  }

  std::string Call(uint32_t stream);
  HeaderList Headers();
  std::string Block(const HeaderList& headers);
  std::string Field(absl::string_view name, absl::string_view value);
  std::string HeaderFrames(uint32_t stream, const std::string& block, uint8_t flags);
  std::string Messages(uint32_t stream);
  std::string Message();
  std::string OtherFrame(uint32_t stream);
  std::string GoodFrame(uint32_t stream);
  std::string WildFrame(uint32_t stream);
  std::string Settings();
  void Damage(std::string& bytes);

  std::mt19937_64 random_;
  bool wild_ = false;
  const std::vector<std::string> messages_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_HTTP2_RANDOM_TRAFFIC_H_
