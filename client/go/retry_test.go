// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lossdv1 "lossd.dev/go/lossd/v1"
)

func TestWaitsDoubleUpToTheLongestAndPatienceEnds(t *testing.T) {
	away := &Error{Code: codes.Unavailable}
	for attempt, expected := range map[int]time.Duration{0: initialBackoff, 1: 2 * initialBackoff, 4: 16 * initialBackoff, 99: maxBackoff} {
		wait, again := retryWait(away, attempt, 0)
		if ratio := float64(wait) / float64(expected); !again || math.Abs(ratio-1) > 0.2001 {
			t.Errorf("attempt %d: expected %v give or take a fifth, got %v", attempt, expected, wait)
		}
	}
	if _, again := retryWait(away, 99, patience-maxBackoff/2); again {
		t.Error("expected patience to end, got another attempt")
	}
}

func TestOnlyWhatCanPassIsTriedAgain(t *testing.T) {
	full := &Error{Code: codes.ResourceExhausted, RetryDelay: 3 * time.Second}
	if wait, again := retryWait(full, 0, 0); !again || wait < 3*time.Second || wait > 3600*time.Millisecond {
		t.Errorf("expected the server's delay and up to a fifth more, got %v", wait)
	}
	if _, again := retryWait(full, attemptsAtLimits-1, 0); again {
		t.Error("expected a limit to be met so many times only")
	}
	for _, err := range []*Error{{Code: codes.ResourceExhausted}, {Code: codes.InvalidArgument}, {Code: codes.Internal},
		{Code: codes.DeadlineExceeded}, {Code: codes.Unavailable, retryForbidden: true}} {
		if _, again := retryWait(err, 0, 0); again {
			t.Errorf("expected no other attempt after %v", err)
		}
	}
}

// fullServer refuses the first calls for a limit, naming a delay of 300 ms.
func fullServer(refusals int64) *fakeServer {
	return &fakeServer{compute: func(ctx context.Context, call int64, request *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
		if call <= refusals {
			pushback(ctx, "300")
			return nil, status.Error(codes.ResourceExhausted, "full")
		}
		return echo(ctx, call, request)
	}}
}

func TestALimitThatPassesIsWaitedFor(t *testing.T) {
	fake, begin := fullServer(2), time.Now()
	if _, err := dialFake(t, fake).Compute(t.Context(), norm(1)); err != nil || fake.calls.Load() != 3 {
		t.Errorf("expected the answer of the third attempt, got attempt %d, %v", fake.calls.Load(), err)
	}
	if elapsed := time.Since(begin); elapsed < 600*time.Millisecond {
		t.Errorf("expected both delays to be kept, got %v", elapsed)
	}
}

func TestADelayBeyondTheDeadlineIsNotWaitedFor(t *testing.T) {
	fake := fullServer(9)
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	_, err := dialFake(t, fake).Compute(ctx, norm(1))
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != codes.ResourceExhausted || failed.RetryDelay != 300*time.Millisecond || fake.calls.Load() != 1 {
		t.Errorf("expected one attempt, got %d, %v", fake.calls.Load(), err)
	}
}

func TestACancelledCallDoesNotWaitForItsNextAttempt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fake := &fakeServer{compute: func(ctx context.Context, _ int64, _ *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
		time.AfterFunc(50*time.Millisecond, cancel)
		pushback(ctx, "20000")
		return nil, status.Error(codes.Unavailable, "draining")
	}}
	begin := time.Now()
	_, err := dialFake(t, fake).Compute(ctx, norm(1))
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 10*time.Second {
		t.Errorf("expected the cancellation, got %v after %v", err, time.Since(begin))
	}
}
