// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	lossdv1 "lossd.dev/go/lossd/v1"
)

// backwards answers pairs of messages, the later first; a message without inputs is refused in-band.
func backwards(stream lossdv1.LossService_ComputeStreamServer) error {
	for {
		first, err := stream.Recv()
		if err != nil {
			return nil
		}
		pair := []*lossdv1.ComputeRequest{first}
		if second, err := stream.Recv(); err == nil {
			pair = []*lossdv1.ComputeRequest{second, first}
		}
		for _, request := range pair {
			answer := &lossdv1.ComputeResponse{RequestId: request.GetRequestId(), Gradients: request.GetInputs()}
			if len(request.GetInputs()) == 0 {
				answer.Status = status.New(codes.InvalidArgument, "inputs: expected some").Proto()
			}
			if err := stream.Send(answer); err != nil {
				return err
			}
		}
	}
}

func TestAnswersFindTheirRequestsInAnyOrder(t *testing.T) {
	stream, err := dialFake(t, &fakeServer{stream: backwards}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var senders sync.WaitGroup
	for sender := range 4 {
		senders.Go(func() {
			for i := range 51 {
				request := norm(sender*1000 + i + 1)
				pending, err := stream.Send(request)
				if err != nil {
					t.Error(err)
					return
				}
				senders.Go(func() {
					result, err := pending.Wait(t.Context())
					if err != nil || len(result.Gradient("x.0").GetData()) != len(request.GetInputs()[0].GetData()) {
						t.Errorf("%s: got another's answer, or %v", pending.RequestID, err)
					}
				})
				if request.GetRequestId() != "" {
					t.Error("expected the caller's request to stay as it is")
				}
			}
		})
	}
	senders.Wait()
	if err := stream.Close(); err != nil {
		t.Errorf("expected an end in order, got %v", err)
	}
}

func TestOneBadMessageEndsNothingElse(t *testing.T) {
	stream, err := dialFake(t, &fakeServer{stream: backwards}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bad, _ := stream.Send(&lossdv1.ComputeRequest{RequestId: "bad"})
	good, _ := stream.Send(norm(3))
	_, err = bad.Wait(t.Context())
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != codes.InvalidArgument || failed.RequestID != "bad" || !failed.FromServer {
		t.Errorf("got %v", err)
	}
	if _, err := good.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnIDTwiceUnderWayIsRefusedHere(t *testing.T) {
	stream, err := dialFake(t, &fakeServer{stream: backwards}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := norm(1)
	request.RequestId = "same"
	_, _ = stream.Send(request)
	_, err = stream.Send(request)
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != codes.InvalidArgument || failed.FromServer {
		t.Errorf("got %v", err)
	}
	_ = stream.Close()
}

func TestWhatTheStreamsEndLeavesUnansweredFailsWithItsError(t *testing.T) {
	for name, end := range map[string]error{"an error": status.Error(codes.Unavailable, "draining"), "silence": nil} {
		stream, err := dialFake(t, &fakeServer{stream: func(s lossdv1.LossService_ComputeStreamServer) error {
			for range 3 {
				_, _ = s.Recv()
			}
			return end
		}}).Stream(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var pending []*Pending
		for i := range 3 {
			request := norm(1)
			request.RequestId = fmt.Sprint(i)
			sent, err := stream.Send(request)
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, sent)
		}
		for _, sent := range pending {
			_, err := sent.Wait(t.Context())
			var failed *Error
			if !errors.As(err, &failed) || failed.Code != codes.Unavailable || failed.RequestID != sent.RequestID {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if err := stream.Close(); (err == nil) != (end == nil) {
			t.Errorf("%s: expected %v, got %v", name, end, err)
		}
		if _, err := stream.Send(norm(1)); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: expected no sending after the end, got %v", name, err)
		}
	}
}

func TestCancelEndsWhatIsUnderWay(t *testing.T) {
	stream, err := dialFake(t, &fakeServer{stream: func(s lossdv1.LossService_ComputeStreamServer) error {
		for {
			if _, err := s.Recv(); errors.Is(err, io.EOF) || err != nil {
				return err
			}
		}
	}}).Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pending, err := stream.Send(norm(1))
	if err != nil {
		t.Fatal(err)
	}
	stream.Cancel()
	if _, err := pending.Wait(t.Context()); status.Code(err) != codes.Canceled {
		t.Errorf("got %v", err)
	}
}
