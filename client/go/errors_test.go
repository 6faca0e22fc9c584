// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestDetailsBecomeFields(t *testing.T) {
	failed, _ := status.New(codes.ResourceExhausted, "no room").WithDetails(
		&errdetails.QuotaFailure{Violations: []*errdetails.QuotaFailure_Violation{{Description: "bytes in flight"}}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(250 * time.Millisecond)},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "inputs[x.0].shape", Description: "d"}}})
	err := newError(failed.Err(), true)
	if err.Code != codes.ResourceExhausted || err.RetryDelay != 250*time.Millisecond || !err.FromServer ||
		err.QuotaViolations[0] != "bytes in flight" || err.FieldViolations[0] != (FieldViolation{"inputs[x.0].shape", "d"}) {
		t.Errorf("got %+v", err)
	}
	if got := err.Error(); got != "lossd: ResourceExhausted (server): no room" {
		t.Errorf("got %q", got)
	}
}

func TestTheClientsOwnLimitIsNotTheServersRefusal(t *testing.T) {
	for text, fromServer := range map[string]bool{
		"grpc: received message larger than max (5 vs. 4)":       false,
		"trying to send message larger than max (5 vs. 4)":       false,
		"Received message larger than max (2000000 vs. 1048576)": true,
	} {
		if got := newError(status.Error(codes.ResourceExhausted, text), true).FromServer; got != fromServer {
			t.Errorf("%s: expected %v, got %v", text, fromServer, got)
		}
	}
}

func TestStandardLibraryAndGRPCSeeThroughErrors(t *testing.T) {
	var err error = newError(status.Error(codes.DeadlineExceeded, "late"), false)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if err := newError(status.Error(codes.Canceled, ""), false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := newError(status.Error(codes.Internal, ""), false); err.Unwrap() != nil {
		t.Errorf("got %v", err.Unwrap())
	}
}
