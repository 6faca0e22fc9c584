// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	lossdv1 "lossd.dev/go/lossd/v1"
)

// Stream pipelines calls on one gRPC stream: many under way at a time, answered as they finish. It is safe for
// concurrent use. The context it was opened with covers the stream; a message has its own deadline in its options.
type Stream struct {
	calls  grpc.BidiStreamingClient[lossdv1.ComputeRequest, lossdv1.ComputeResponse]
	cancel context.CancelFunc
	ended  chan struct{} // Closed once nothing more comes.

	sending sync.Mutex // Held while a message is sent; taken before mu.
	mu      sync.Mutex
	pending map[string]*Pending // Guarded by mu, as are those below.
	last    int
	err     *Error // Why the stream ended, if not in order.
	over    bool
}

// Pending is a message under way.
type Pending struct {
	RequestID string
	done      chan struct{}
	result    *Result
	err       *Error
}

// Stream opens a stream. Close it.
func (c *Client) Stream(ctx context.Context, options ...grpc.CallOption) (*Stream, error) {
	ctx, cancel := context.WithCancel(ctx)
	calls, err := lossdv1.NewLossServiceClient(c.conn).ComputeStream(ctx, c.callOptions(ctx, options)...)
	if err != nil {
		cancel()
		return nil, newError(err, false)
	}
	stream := &Stream{calls: calls, cancel: cancel, ended: make(chan struct{}), pending: map[string]*Pending{}}
	go stream.receive()
	return stream, nil
}

// Send sends a request, waiting while the server takes no more, and returns what its answer will be. A request without
// an id is sent with one that no other has. Leave the payloads of inputs alone until it is answered.
func (s *Stream) Send(request *lossdv1.ComputeRequest) (*Pending, error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	pending, err := s.register(request.GetRequestId())
	if err != nil {
		return nil, err
	}
	if request.GetRequestId() == "" {
		inputs := request.GetInputs()
		request = withoutPayload(request).(*lossdv1.ComputeRequest)
		request.RequestId, request.Inputs = pending.RequestID, inputs
	}
	if err := s.calls.Send(request); err != nil && !errors.Is(err, io.EOF) { // At EOF, receive knows why.
		s.mu.Lock()
		delete(s.pending, pending.RequestID)
		s.mu.Unlock()
		return nil, newError(err, false)
	}
	return pending, nil
}

func (s *Stream) register(id string) (*Pending, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return nil, s.failure()
	}
	if id == "" {
		s.last++
		id = "#" + strconv.Itoa(s.last)
	}
	if s.pending[id] != nil {
		return nil, refused(codes.InvalidArgument, "request_id: expected one that no outstanding message has, got "+strconv.Quote(id))
	}
	s.pending[id] = &Pending{RequestID: id, done: make(chan struct{})}
	return s.pending[id], nil
}

// Wait returns the answer, or *Error; ctx's error if that ends first, and the message stays under way.
func (p *Pending) Wait(ctx context.Context) (*Result, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.result, nil
}

// Close sends no more, waits until all messages are answered and the server has ended the stream, and returns the error
// with which it ended, if any.
func (s *Stream) Close() error {
	s.sending.Lock()
	_ = s.calls.CloseSend()
	s.sending.Unlock()
	<-s.ended
	if s.err != nil {
		return s.err
	}
	return nil
}

// Cancel ends the stream at once; what is under way ends with codes.Canceled.
func (s *Stream) Cancel() {
	s.cancel()
	<-s.ended
}

func (s *Stream) receive() {
	defer s.cancel()
	for {
		answer, err := s.calls.Recv()
		if err != nil {
			s.end(err)
			return
		}
		s.finish(answer)
	}
}

func (s *Stream) finish(answer *lossdv1.ComputeResponse) {
	s.mu.Lock()
	pending := s.pending[answer.GetRequestId()]
	delete(s.pending, answer.GetRequestId())
	s.mu.Unlock()
	if pending == nil {
		return // The answer to a message that could not be read has no id; its sender learns of it at the stream's end.
	}
	pending.result = &Result{answer}
	if answer.GetStatus().GetCode() != 0 {
		pending.err = newError(status.ErrorProto(answer.GetStatus()), true)
		pending.err.RequestID = pending.RequestID
	}
	close(pending.done)
}

func (s *Stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(s.ended)
	s.over = true
	if !errors.Is(err, io.EOF) {
		header, _ := s.calls.Header()
		s.err = newError(err, metadata.Join(header, s.calls.Trailer()).Len() > 0 && s.calls.Context().Err() == nil)
	}
	for _, pending := range s.pending {
		failure := *s.failure()
		failure.RequestID = pending.RequestID
		pending.err = &failure
		close(pending.done)
	}
	s.pending = nil
}

// failure is what becomes of a message that the stream's end leaves without an answer.
func (s *Stream) failure() *Error {
	if s.err != nil {
		return s.err
	}
	return refused(codes.Unavailable, "the stream has ended")
}

func refused(code codes.Code, text string) *Error { return newError(status.Error(code, text), false) }
