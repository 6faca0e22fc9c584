// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Measures the processor time that a call and a MB cost on the client's side, beside the plain generated stub: bench HOST:PORT.
// Prints a line of JSON: see tests/conformance/README.md.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"lossd.dev/go"
	lossdv1 "lossd.dev/go/lossd/v1"
)

const (
	smallCalls, largeCalls = 1000, 20
	largeElements          = 1 << 20
	largeMegabytes         = 2 * 4 * largeElements / 1e6 // There and back.
)

func main() {
	client, err := lossd.Dial(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<28)))
	if err != nil {
		log.Fatal(err)
	}
	stub := lossdv1.NewLossServiceClient(conn)
	ours := func(request *lossdv1.ComputeRequest) error {
		_, err := client.Compute(context.Background(), request)
		return err
	}
	plain := func(request *lossdv1.ComputeRequest) error {
		_, err := stub.Compute(context.Background(), request)
		return err
	}
	small, large := norm(4), norm(largeElements)
	_ = json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"call_us": 1e6 * cost(ours, small, smallCalls), "stub_call_us": 1e6 * cost(plain, small, smallCalls),
		"mb_us": 1e6 * cost(ours, large, largeCalls) / largeMegabytes, "stub_mb_us": 1e6 * cost(plain, large, largeCalls) / largeMegabytes,
	})
}

func norm(count int) *lossdv1.ComputeRequest {
	return &lossdv1.ComputeRequest{Loss: lossd.Loss(&lossdv1.SquaredNorm{}), Inputs: []*lossdv1.Tensor{lossd.Tensor("x.0", make([]float32, count))}}
}

// cost is the processor time of a call, in seconds.
func cost(call func(*lossdv1.ComputeRequest) error, request *lossdv1.ComputeRequest, calls int) float64 {
	run := func(count int) {
		for range count {
			if err := call(request); err != nil {
				log.Fatal(err)
			}
		}
	}
	run(calls / 10)
	begin := used()
	run(calls)
	return (used() - begin) / float64(calls)
}

func used() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}
