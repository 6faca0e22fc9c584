// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	lossdv1 "lossd.dev/go/lossd/v1"
)

func norm(count int) *lossdv1.ComputeRequest {
	return &lossdv1.ComputeRequest{Loss: Loss(&lossdv1.SquaredNorm{}), Inputs: []*lossdv1.Tensor{Tensor("x.0", make([]float32, count))}}
}

func TestTriesAgainWhenTheServerIsUnavailableWithMessagesOfAnySize(t *testing.T) {
	fake := &fakeServer{limit: 32 << 20}
	fake.compute = func(ctx context.Context, call int64, request *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
		if call < 4 {
			pushback(ctx, "1")
			return nil, status.Error(codes.Unavailable, "draining")
		}
		return echo(ctx, call, request)
	}
	request := norm(4_000_000)
	request.Inputs[0].Data[5] = 9
	result, err := dialFake(t, fake).Compute(t.Context(), request)
	if err != nil || fake.calls.Load() != 4 || !bytes.Equal(result.Gradient("x.0").GetData(), request.GetInputs()[0].GetData()) {
		t.Errorf("expected the answer of the fourth attempt, got attempt %d, %v", fake.calls.Load(), err)
	}
}

func TestAServerThatSaysNoRetryIsNotAskedAgain(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.ResourceExhausted} {
		for _, said := range []string{"-1", "soon"} {
			fake := &fakeServer{compute: func(ctx context.Context, _ int64, _ *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
				pushback(ctx, said)
				return nil, status.Error(code, "gone")
			}}
			_, err := dialFake(t, fake).Compute(t.Context(), norm(1))
			var failed *Error
			if !errors.As(err, &failed) || failed.Code != code || !failed.FromServer || fake.calls.Load() != 1 {
				t.Errorf("%s: expected one attempt, got %d, %v", said, fake.calls.Load(), err)
			}
		}
	}
}

func TestTakesItsLimitFromTheServerOnce(t *testing.T) {
	fake := &fakeServer{compute: echo, limit: 1 << 20}
	client := dialFake(t, fake)
	for range 3 {
		if _, err := client.Compute(t.Context(), norm(1000)); err != nil {
			t.Fatal(err)
		}
	}
	if fake.infos.Load() != 1 || client.MaxMessageBytes() != 1<<20 {
		t.Errorf("expected one question and 1 MiB, got %d and %d", fake.infos.Load(), client.MaxMessageBytes())
	}
	_, err := client.Compute(t.Context(), norm(1_000_000))
	var failed *Error
	if !errors.As(err, &failed) || failed.Code != codes.ResourceExhausted || failed.FromServer || fake.calls.Load() != 3 {
		t.Errorf("expected the client's own limit before anything is sent, got %v", err)
	}
}

func TestAnOwnLimitAsksNobody(t *testing.T) {
	fake := &fakeServer{compute: echo, limit: 1 << 20}
	client := dialFake(t, fake, WithMaxMessageBytes(8<<20))
	if _, err := client.Compute(t.Context(), norm(1_500_000)); err != nil || fake.infos.Load() != 0 {
		t.Errorf("expected no question, got %d, %v", fake.infos.Load(), err)
	}
	if _, err := Dial("localhost:1", WithMaxMessageBytes(1<<31)); err == nil {
		t.Error("expected a refusal of 2 GiB, got none")
	}
}

func TestSendsTheTokenOfTheMoment(t *testing.T) {
	var got []string
	fake := &fakeServer{compute: func(ctx context.Context, call int64, request *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
		got = append(got, metadata.ValueFromIncomingContext(ctx, "authorization")...)
		return echo(ctx, call, request)
	}}
	token := "first"
	client := dialFake(t, fake, WithMaxMessageBytes(1<<20), WithTokenSource(func(context.Context) (string, error) { return token, nil }))
	for range 2 {
		if _, err := client.Compute(t.Context(), norm(1)); err != nil {
			t.Fatal(err)
		}
		token = "second\n"
	}
	if len(got) != 2 || got[0] != "Bearer first" || got[1] != "Bearer second" {
		t.Errorf("got %q", got)
	}
}

func TestACallWithoutADeadlineHasTheClients(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // Nobody accepts, nobody answers.
	client, err := Dial(listener.Addr().String(), WithTimeout(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = client.Compute(context.Background(), norm(1))
	var failed *Error
	if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) || failed.FromServer {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := client.WaitReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("expected no readiness, got %v", err)
	}
}

func TestErrorsBearTheRequestsID(t *testing.T) {
	fake := &fakeServer{compute: func(context.Context, int64, *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
		return nil, status.Error(codes.InvalidArgument, "no")
	}}
	request := norm(1)
	request.RequestId = "mine"
	_, err := dialFake(t, fake).Compute(t.Context(), request)
	var failed *Error
	if !errors.As(err, &failed) || failed.RequestID != "mine" || !failed.FromServer {
		t.Errorf("got %+v", failed)
	}
}

func TestAClosedClientRefusesCalls(t *testing.T) {
	client := dialFake(t, &fakeServer{compute: echo})
	if _, err := client.Compute(t.Context(), norm(1)); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	_, computing := client.Compute(t.Context(), norm(1))
	_, asking := client.ServerInfo(t.Context())
	_, streaming := client.Stream(t.Context())
	for _, err := range []error{computing, asking, streaming, client.WaitReady(t.Context())} {
		var failed *Error
		if !errors.As(err, &failed) || failed.Code != codes.Canceled || failed.Message != "the client was closed" || failed.FromServer {
			t.Errorf("got %v", err)
		}
	}
}
