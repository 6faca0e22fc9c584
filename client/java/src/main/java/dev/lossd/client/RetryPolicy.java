// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package dev.lossd.client;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Which failed calls are made again, and when. One that fails in a way that can pass (no server, one that restarts,
 * starts or drains) is made again until {@code patience} ends; one that the server refuses for a limit, naming a delay,
 * up to {@code attemptsAtLimits} times. Computations have no effects, so that it does not matter whether an attempt was
 * computed.
 *
 * @param patience how long after its first failure a call may still be made again; zero: never
 * @param attemptsAtLimits attempts of a call that a limit refuses, the first included
 * @param initialBackoff the wait before the second attempt; doubles from then on, give or take a fifth; where the
 *     server names a longer one, that is waited for, and up to a fifth more
 * @param maxBackoff the longest wait that doubling leads to
 */
public record RetryPolicy(Duration patience, int attemptsAtLimits, Duration initialBackoff, Duration maxBackoff) {
  private static final Duration LONGEST_BACKOFF = Duration.ofHours(1);

  /** 30 s, 5 attempts, 100 ms to 2 s. */
  public static final RetryPolicy DEFAULT =
      new RetryPolicy(Duration.ofSeconds(30), 5, Duration.ofMillis(100), Duration.ofSeconds(2));

  /** Refuses waits that are negative or beyond an hour. */
  public RetryPolicy {
    for (Duration backoff : new Duration[] {initialBackoff, maxBackoff}) {
      if (backoff.isNegative() || backoff.compareTo(LONGEST_BACKOFF) > 0) {
        throw LossdException.usage("retry: expected backoffs of 0 to 1 h, got " + backoff);
      }
    }
  }

  /** This policy with another patience. */
  public RetryPolicy withPatience(Duration patience) {
    return new RetryPolicy(patience, attemptsAtLimits, initialBackoff, maxBackoff);
  }

  /**
   * How long to wait after attempt {@code attempt}, the first being 0, {@code elapsed} after the first failure; empty:
   * the call has failed.
   */
  Optional<Duration> waitAfter(LossdException error, int attempt, Duration elapsed) {
    boolean away = error.code() == io.grpc.Status.Code.UNAVAILABLE;
    if (!error.isRetryable() || (!away && attempt + 1 >= attemptsAtLimits)) {
      return Optional.empty();
    }
    double doubled = Math.min(initialBackoff.toNanos() * Math.pow(2, attempt), maxBackoff.toNanos());
    Duration backoff = scaled(doubled, 0.8, 1.2);
    Duration wait = error.retryDelay()
        .map(delay -> scaled(Math.min(delay.toMillis(), LONGEST_BACKOFF.toMillis()) * 1e6, 1, 1.2))
        .filter(delay -> delay.compareTo(backoff) > 0)
        .orElse(backoff);
    return wait.compareTo(patience.minus(elapsed)) <= 0 ? Optional.of(wait) : Optional.empty();
  }

  /** Not the same for all who were refused, so that they do not come back at once. */
  private static Duration scaled(double nanos, double low, double high) {
    return Duration.ofNanos((long) (nanos * ThreadLocalRandom.current().nextDouble(low, high)));
  }
}
