// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import io.grpc.Metadata;
import java.util.function.Supplier;

/**
 * The token that calls show, asked for anew for each attempt, so that one that rotates needs no new client.
 *
 * @param source null: there is none
 */
record Token(Supplier<String> source) {
  static final Token NONE = new Token(null);

  private static final Metadata.Key<String> AUTHORIZATION =
      Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

  /** The headers of an attempt. What it throws does not repeat the token. */
  Metadata headers() {
    Metadata headers = new Metadata();
    if (source != null) {
      String token = source.get().strip();
      if (token.isEmpty() || !token.chars().allMatch(character -> character > ' ' && character < 0x7F)) {
        throw LossdException.usage("token: expected visible ASCII characters, got none or others");
      }
      headers.put(AUTHORIZATION, "Bearer " + token);
    }
    return headers;
  }
}
