// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// FieldViolation names a field of the request that must change.
type FieldViolation struct{ Field, Description string }

// Error is a call that failed, with what the server said of it.
type Error struct {
	Code            codes.Code
	Message         string           // Names field or limit, expectation and value.
	RequestID       string           // Of the request; empty if it had none.
	FieldViolations []FieldViolation // The fields that must change, with codes.InvalidArgument.
	QuotaViolations []string         // The limits that were exceeded, with codes.ResourceExhausted.
	RetryDelay      time.Duration    // When to try again; 0 where that cannot help or nothing was said.
	// Whether the server refused; else this client, its limits, its deadline or the connection ended the call.
	FromServer bool

	status         *status.Status
	retryForbidden bool // The server wants the call not to be made again.
}

func (e *Error) Error() string {
	who := "client"
	if e.FromServer {
		who = "server"
	}
	return fmt.Sprintf("lossd: %v (%s): %s", e.Code, who, e.Message)
}

// GRPCStatus lets status.FromError and status.Code see through.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Unwrap lets errors.Is find context.DeadlineExceeded and context.Canceled.
func (e *Error) Unwrap() error {
	switch e.Code {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		return context.Canceled
	}
	return nil
}

// What gRPC says of the limits that it was given here. A server in C++ says "Received message larger than max".
var ownLimits = []string{"grpc: received message larger than max", "trying to send message larger than max"}

// closed is what calls of a closed client say.
const closed = "the client was closed"

// newError reads the details of a failed call. `answered` says whether anything came from the server.
func newError(err error, answered bool) *Error {
	failed := status.Convert(err)
	if failed.Code() == codes.Canceled && strings.Contains(failed.Message(), "client connection is closing") {
		failed = status.New(codes.Canceled, closed)
	}
	result := &Error{Code: failed.Code(), Message: failed.Message(), FromServer: answered, status: failed}
	for _, text := range ownLimits {
		if strings.Contains(result.Message, text) {
			result.FromServer = false
		}
	}
	for _, detail := range failed.Details() {
		switch detail := detail.(type) {
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				result.FieldViolations = append(result.FieldViolations, FieldViolation{violation.GetField(), violation.GetDescription()})
			}
		case *errdetails.QuotaFailure:
			for _, violation := range detail.GetViolations() {
				result.QuotaViolations = append(result.QuotaViolations, violation.GetDescription())
			}
		case *errdetails.RetryInfo:
			result.RetryDelay = detail.GetRetryDelay().AsDuration()
		}
	}
	return result
}

// readPushback takes what gRPC's retry design lets a server say of the next attempt: milliseconds, or anything else where
// there should be none.
func (e *Error) readPushback(trailer metadata.MD) {
	for _, said := range trailer.Get("grpc-retry-pushback-ms") {
		milliseconds, err := strconv.ParseUint(said, 10, 31)
		e.RetryDelay, e.retryForbidden = time.Duration(milliseconds)*time.Millisecond, err != nil
	}
}

// fromContext is the error of a call whose context ended between two attempts.
func fromContext(ctx context.Context) *Error {
	return newError(status.FromContextError(ctx.Err()).Err(), false)
}
