// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
)

// Which unary calls are made again, and when. gRPC's own retries know neither a delay that comes with only some of a
// code's errors nor chance in it; streams, which it alone can make again, have its (see serviceConfig).
const (
	patience         = 30 * time.Second // From a call's first failure, while the server is away.
	attemptsAtLimits = 5                // Of a call that the server refuses for a limit, naming a delay.
	initialBackoff   = 100 * time.Millisecond
	maxBackoff       = 2 * time.Second
)

// retryWait says how long to wait after attempt `attempt` (the first is 0) failed with `err`, `elapsed` after the first
// failure; false: the call has failed. A longer wait that the server names wins, with up to a fifth more, so that not
// all that were refused come back at once.
func retryWait(err *Error, attempt int, elapsed time.Duration) (time.Duration, bool) {
	limited := err.Code == codes.ResourceExhausted && err.RetryDelay > 0 && attempt+1 < attemptsAtLimits
	if err.retryForbidden || (err.Code != codes.Unavailable && !limited) {
		return 0, false
	}
	backoff := min(initialBackoff<<min(attempt, 10), maxBackoff)
	wait := max(scaled(backoff, 0.8, 1.2), scaled(err.RetryDelay, 1, 1.2))
	return wait, elapsed+wait <= patience
}

func scaled(duration time.Duration, low, high float64) time.Duration {
	return time.Duration(float64(duration) * (low + (high-low)*rand.Float64()))
}

// withRetries makes attempts until one succeeds or fails for good, or the next would begin after ctx's deadline.
func withRetries(ctx context.Context, attempt func() *Error) *Error {
	var failed time.Time
	for number := 0; ; number++ {
		err := attempt()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if number == 0 {
			failed = time.Now()
		}
		wait, again := retryWait(err, number, time.Since(failed))
		if deadline, has := ctx.Deadline(); !again || (has && time.Until(deadline) <= wait) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fromContext(ctx)
		}
	}
}
