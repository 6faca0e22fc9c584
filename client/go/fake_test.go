// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	lossdv1 "lossd.dev/go/lossd/v1"
)

// fakeServer answers as its functions say.
type fakeServer struct {
	lossdv1.UnimplementedLossServiceServer
	calls   atomic.Int64
	compute func(ctx context.Context, call int64, request *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error)
	stream  func(lossdv1.LossService_ComputeStreamServer) error
	limit   int64
	infos   atomic.Int64
}

func (f *fakeServer) Compute(ctx context.Context, request *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
	return f.compute(ctx, f.calls.Add(1), request)
}

func (f *fakeServer) ComputeStream(stream lossdv1.LossService_ComputeStreamServer) error {
	return f.stream(stream)
}

func (f *fakeServer) GetServerInfo(context.Context, *lossdv1.GetServerInfoRequest) (*lossdv1.GetServerInfoResponse, error) {
	f.infos.Add(1)
	return &lossdv1.GetServerInfoResponse{Limits: &lossdv1.Limits{MaxMessageBytes: f.limit}}, nil
}

// echo answers with the inputs as gradients.
func echo(_ context.Context, _ int64, request *lossdv1.ComputeRequest) (*lossdv1.ComputeResponse, error) {
	return &lossdv1.ComputeResponse{RequestId: request.GetRequestId(), Gradients: request.GetInputs()}, nil
}

func dialFake(t *testing.T, fake *fakeServer, options ...Option) *Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	lossdv1.RegisterLossServiceServer(server, fake)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	client, err := Dial(listener.Addr().String(), append([]Option{WithTimeout(30 * time.Second)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func pushback(ctx context.Context, milliseconds string) {
	_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", milliseconds))
}
