// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Package lossd calls a lossd server: self-supervised losses and their gradients, computed remotely.
//
// Requests and answers are the messages of the wire format, in lossd.dev/go/lossd/v1; this package adds what a plain
// generated client lacks: limits, retries, typed errors, typed slices, and streams whose answers find their requests.
package lossd

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	lossdv1 "lossd.dev/go/lossd/v1"
)

// Client calls one server, or the addresses of one name. It is safe for concurrent use.
type Client struct {
	conn    *grpc.ClientConn
	timeout time.Duration
	// The largest message in either direction; 0 until the server has said its own.
	maxMessageBytes atomic.Int64
}

// Dial returns a client of "host:port", "unix:/path" or any name that gRPC resolves. It does not connect: the first
// call does, and waits for a server as long as it may. See WaitReady.
func Dial(target string, options ...Option) (*Client, error) {
	settings := settings{timeout: DefaultTimeout}
	for _, option := range options {
		option(&settings)
	}
	if err := errors.Join(checkTarget(target), settings.validate()); err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(target, settings.dialOptions()...)
	if err != nil {
		return nil, err
	}
	client := &Client{conn: conn, timeout: settings.timeout}
	client.maxMessageBytes.Store(settings.maxMessageBytes)
	return client, nil
}

// Close closes the connection for good; calls under way and later ones end with codes.Canceled.
func (c *Client) Close() error { return c.conn.Close() }

// WaitReady returns once the connection is up, with ctx's error, or after Close with an *Error, codes.Canceled.
func (c *Client) WaitReady(ctx context.Context) error {
	for {
		c.conn.Connect()
		state := c.conn.GetState()
		if state == connectivity.Ready {
			return nil
		}
		if state == connectivity.Shutdown { // Which no state follows.
			return newError(status.Error(codes.Canceled, closed), false)
		}
		if !c.conn.WaitForStateChange(ctx, state) {
			return ctx.Err()
		}
	}
}

// Compute computes a loss and its gradients. The payloads of inputs are sent from where they lie: leave them alone until
// Compute returns. Errors are of type *Error.
func (c *Client) Compute(ctx context.Context, request *lossdv1.ComputeRequest, options ...grpc.CallOption) (*Result, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	answer := new(lossdv1.ComputeResponse)
	if err := c.invoke(ctx, lossdv1.LossService_Compute_FullMethodName, request, answer, c.callOptions(ctx, options)); err != nil {
		err.RequestID = request.GetRequestId()
		return nil, err
	}
	return &Result{answer}, nil
}

// ServerInfo asks what the server is and can do, and takes its limit of messages, unless WithMaxMessageBytes gave one.
func (c *Client) ServerInfo(ctx context.Context) (*lossdv1.GetServerInfoResponse, error) {
	ctx, cancel := c.withTimeout(ctx)
	defer cancel()
	info := new(lossdv1.GetServerInfoResponse)
	err := c.invoke(ctx, lossdv1.LossService_GetServerInfo_FullMethodName, new(lossdv1.GetServerInfoRequest), info, nil)
	if err != nil {
		return nil, err
	}
	if bytes := info.GetLimits().GetMaxMessageBytes(); bytes > 0 {
		c.maxMessageBytes.CompareAndSwap(0, bytes)
	}
	return info, nil
}

// MaxMessageBytes is the largest message in either direction: what WithMaxMessageBytes said, else what the server said,
// else DefaultMaxMessageBytes.
func (c *Client) MaxMessageBytes() int64 {
	if known := c.maxMessageBytes.Load(); known > 0 {
		return known
	}
	return DefaultMaxMessageBytes
}

func (c *Client) withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, has := ctx.Deadline(); has || c.timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.timeout)
}

// callOptions asks the server for its limit first, where it is not known yet. If that fails, so will the call, with a
// better error.
func (c *Client) callOptions(ctx context.Context, more []grpc.CallOption) []grpc.CallOption {
	if c.maxMessageBytes.Load() == 0 {
		_, _ = c.ServerInfo(ctx)
	}
	bytes := int(c.MaxMessageBytes())
	options := []grpc.CallOption{
		grpc.ForceCodecV2(payloadCodec{}), grpc.MaxCallRecvMsgSize(bytes), grpc.MaxCallSendMsgSize(bytes),
		grpc.MaxRetryRPCBufferSize(bytes), // Without it, streams are not opened again once they hold 256 KiB.
	}
	return append(options, more...)
}

func (c *Client) invoke(ctx context.Context, method string, request, answer proto.Message, options []grpc.CallOption) *Error {
	return withRetries(ctx, func() *Error {
		var header, trailer metadata.MD
		tapped := append(options[:len(options):len(options)], grpc.Header(&header), grpc.Trailer(&trailer))
		if err := c.conn.Invoke(ctx, method, request, answer, tapped...); err != nil {
			failed := newError(err, len(header)+len(trailer) > 0 && ctx.Err() == nil)
			failed.readPushback(trailer)
			return failed
		}
		return nil
	})
}

// Result is an answer, with its tensors by name.
type Result struct{ *lossdv1.ComputeResponse }

// Gradient returns the gradient of the input of that name, or nil. Values reads it.
func (r *Result) Gradient(name string) *lossdv1.Tensor { return named(r.GetGradients(), name) }

// Output returns the output of that name, or nil.
func (r *Result) Output(name string) *lossdv1.Tensor { return named(r.GetOutputs(), name) }

func named(tensors []*lossdv1.Tensor, name string) *lossdv1.Tensor {
	for _, tensor := range tensors {
		if tensor.GetName() == name {
			return tensor
		}
	}
	return nil
}
