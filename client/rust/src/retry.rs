// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

//! Which failed calls are made again, and when. tonic makes none again by itself.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use tonic::Code;

use crate::error::Error;

// More than anybody waits.
const LONGEST_BACKOFF: Duration = Duration::from_secs(3600);

/// A call that fails in a way that can pass (no server, one that restarts, starts or drains, a limit for which the server
/// names a delay) is made again until `patience` ends. Its payloads are shared with the caller's request, whatever their
/// size. Computations have no effects, so that it does not matter whether an attempt was computed.
#[derive(Clone, Debug)]
pub struct Retry {
    /// How long after its first failure a call that found no server may still be made again. Zero: none is made again.
    pub patience: Duration,
    /// Attempts of a call that the server refuses for a limit, naming a delay.
    pub attempts_at_limits: u32,
    /// The wait before the second attempt; doubles from then on, give or take a fifth. A longer one named by the server wins,
    /// with up to a fifth more.
    pub initial_backoff: Duration,
    /// The longest such wait.
    pub max_backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(30),
            attempts_at_limits: 5,
            initial_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
        }
    }
}

impl Retry {
    /// How long to wait after attempt `attempt` (the first is 0) failed with `error`, `elapsed` after the first failure.
    /// None: the call has failed.
    pub(crate) fn wait(&self, error: &Error, attempt: u32, elapsed: Duration) -> Option<Duration> {
        if !error.is_retryable() || (error.code() != Code::Unavailable && attempt + 1 >= self.attempts_at_limits) {
            return None;
        }
        let doubled =
            self.initial_backoff.saturating_mul(1 << attempt.min(16)).min(self.max_backoff).min(LONGEST_BACKOFF);
        let backoff = doubled.mul_f64(jitter());
        let wait = error.retry_delay().map_or(backoff, |delay| spread(delay).max(backoff));
        (elapsed.checked_add(wait)? <= self.patience).then_some(wait)
    }
}

/// The server's delay and up to a fifth more, so that many callers do not come back at once.
fn spread(delay: Duration) -> Duration {
    delay.min(LONGEST_BACKOFF).mul_f64(1.0 + 0.2 * chance())
}

/// 0.8 to 1.2, for the same reason.
fn jitter() -> f64 {
    0.8 + 0.4 * chance()
}

/// 0 to 1.
fn chance() -> f64 {
    RandomState::new().hash_one(0u8) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;
    use tonic::Status;

    fn unavailable() -> Error {
        Error::new(Code::Unavailable, Origin::Server, "draining")
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry::default();
        for (attempt, expected) in [(0, 0.1), (1, 0.2), (4, 1.6), (9, 2.0), (1000, 2.0)] {
            let wait = retry.wait(&unavailable(), attempt, Duration::ZERO).unwrap().as_secs_f64();
            assert!((0.79 * expected..1.21 * expected).contains(&wait), "{attempt}: {wait}");
        }
    }

    #[test]
    fn patience_ends() {
        let retry = Retry::default();
        assert!(retry.wait(&unavailable(), 9, Duration::from_secs(27)).is_some());
        assert!(retry.wait(&unavailable(), 9, Duration::from_secs(29)).is_none());
        let forever = Retry {
            patience: Duration::MAX,
            initial_backoff: Duration::MAX,
            max_backoff: Duration::MAX,
            ..retry.clone()
        };
        assert!(forever.wait(&unavailable(), 3, Duration::ZERO).is_some());
        assert!(Retry { patience: Duration::ZERO, ..retry }.wait(&unavailable(), 0, Duration::ZERO).is_none());
    }

    #[test]
    fn the_servers_delay_wins_and_what_cannot_pass_is_not_waited_for() {
        let mut pushed = Status::resource_exhausted("full");
        let no_delay = Error::from(pushed.clone());
        assert!(Retry::default().wait(&no_delay, 0, Duration::ZERO).is_none());
        pushed.metadata_mut().insert("grpc-retry-pushback-ms", "5000".parse().unwrap());
        let pushed = Error::from(pushed);
        let waits: Vec<f64> =
            (0..20).map(|_| Retry::default().wait(&pushed, 0, Duration::ZERO).unwrap().as_secs_f64()).collect();
        assert!(waits.iter().all(|wait| (5.0..=6.0).contains(wait)), "{waits:?}");
        assert!(waits.iter().any(|wait| *wait != waits[0]), "{waits:?}");
        assert_eq!(Retry::default().wait(&pushed, 4, Duration::ZERO), None);
    }
}
