// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The reference's documentation example, computed by a server: example [HOST:PORT].
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math"
	"os"

	"google.golang.org/protobuf/proto"

	"lossd.dev/go"
	lossdv1 "lossd.dev/go/lossd/v1"
)

func main() {
	target := "localhost:50051"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	if err := run(target, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(target string, out io.Writer) error {
	client, err := lossd.Dial(target)
	if err != nil {
		return err
	}
	defer client.Close()

	draw := torchRand(0) // As torch.manual_seed(0) and four times torch.rand(3, 5, 2, 2).
	request := &lossdv1.ComputeRequest{Loss: lossd.Loss(&lossdv1.FeatureMapContrastive{
		Comparisons: proto.String("01, 11"),
		Sampling: &lossdv1.Sampling{Source: &lossdv1.Sampling_Seed{
			Seed: &lossdv1.Seed{TorchSeed: proto.Uint64(0), TorchSkip: proto.Uint64(240)},
		}},
	})}
	for _, name := range []string{"anchor.0", "anchor.1", "positive.0", "positive.1"} {
		request.Inputs = append(request.Inputs, lossd.Tensor(name, draw(60), 3, 5, 2, 2))
	}
	result, err := client.Compute(context.Background(), request)
	if err != nil {
		return err
	}
	losses, err := lossd.Values[float32](result.Output("losses"))
	if err != nil {
		return err
	}
	gradient, err := lossd.Values[float32](result.Gradient("anchor.0"))
	if err != nil {
		return err
	}
	sum := 0.0
	for _, value := range gradient {
		sum += math.Abs(float64(value))
	}
	fmt.Fprintf(out, "losses %.4f, objective %.4f, sum of |d anchor.0| %.4f\n", losses, result.GetObjective(), sum)
	return nil
}

// torchRand draws as torch.rand does: mt19937, the low 24 bits of each word.
func torchRand(seed uint32) func(count int) []float32 {
	const n = 624
	var state [n]uint32
	state[0] = seed
	for i := uint32(1); i < n; i++ {
		state[i] = 1812433253*(state[i-1]^state[i-1]>>30) + i
	}
	at := 0
	return func(count int) []float32 {
		values := make([]float32, count)
		for k := range values {
			y := state[at]&0x80000000 | state[(at+1)%n]&0x7fffffff
			word := state[(at+397)%n] ^ y>>1 ^ y&1*0x9908b0df
			state[at] = word
			at = (at + 1) % n
			word ^= word >> 11
			word ^= word << 7 & 0x9d2c5680
			word ^= word << 15 & 0xefc60000
			word ^= word >> 18
			values[k] = float32(word&0xffffff) / (1 << 24)
		}
		return values
	}
}
