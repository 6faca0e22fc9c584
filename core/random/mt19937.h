// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The Mersenne Twister that both torch's CPU generator and numpy's legacy RandomState are made of.

#ifndef LOSSD_CORE_RANDOM_MT19937_H_
#define LOSSD_CORE_RANDOM_MT19937_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace lossd {

// Produces the 32-bit words of mt19937 (Matsumoto and Nishimura, 1998) after init_genrand(seed). Thread-compatible; 2.5
// kB, allocates nothing. A copy goes on by itself from where the original is.
class Mt19937 {
 public:
  explicit Mt19937(uint32_t seed);

  // The next word.
  uint32_t Next() {
    if (used_ == kWords) Twist();
    uint32_t word = state_[used_++];
    word ^= word >> 11;
    word ^= (word << 7) & 0x9d2c5680U;
    word ^= (word << 15) & 0xefc60000U;
    return word ^ (word >> 18);
  }

  // Leaves out the next `words` words, as if Next had been called so often. Takes time in proportion, about a third of
  // a nanosecond a word.
  void Skip(uint64_t words);

 private:
  static constexpr size_t kWords = 624;

  // Replaces the state by the next 624 words, not yet tempered.
  void Twist();

  std::array<uint32_t, kWords> state_;
  size_t used_ = kWords;  // Of state_: kWords makes the next word twist first.
};

}  // namespace lossd

#endif  // LOSSD_CORE_RANDOM_MT19937_H_
