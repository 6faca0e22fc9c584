// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/protobuf/reflect/protoreflect"

	"lossd.dev/go"
	lossdv1 "lossd.dev/go/lossd/v1"
)

var kinds = map[string]func(*conformanceCase, server, *suite) error{
	"compute": runCompute, "stream": runStream, "info": runInfo, "restart": runRestart, "rotate": runRotate,
}

func dial(server server, settings clientSettings) (*lossd.Client, error) {
	options := []lossd.Option{lossd.WithMaxMessageBytes(settings.MaxMessageBytes), lossd.WithTimeout(max(settings.timeout(), 0))}
	if settings.TimeoutMs == 0 {
		options = append(options, lossd.WithTimeout(time.Minute))
	}
	if server.CA != "" {
		pem, err := os.ReadFile(server.CA)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		options = append(options, lossd.WithTLS(&tls.Config{RootCAs: roots}))
	}
	switch {
	case settings.Token == "wrong":
		options = append(options, lossd.WithToken("wrong"))
	case server.Token != "" && settings.Token != "none":
		options = append(options, lossd.WithToken(server.Token))
	}
	return lossd.Dial(server.Target, options...)
}

func (m message) compute(ctx context.Context, client *lossd.Client, options ...grpc.CallOption) error {
	request, err := m.request()
	if err != nil {
		return err
	}
	result, err := client.Compute(ctx, request, options...)
	return m.check(request, result, err)
}

func runCompute(c *conformanceCase, server server, _ *suite) error {
	client, err := dial(server, c.Client)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if c.Client.CancelAfterMs > 0 {
		time.AfterFunc(time.Duration(c.Client.CancelAfterMs)*time.Millisecond, cancel)
	}
	var options []grpc.CallOption
	if c.Client.Compression != "" {
		options = append(options, grpc.UseCompressor(c.Client.Compression))
	}
	return c.Messages[0].compute(ctx, client, options...)
}

func runStream(c *conformanceCase, server server, _ *suite) error {
	client, err := dial(server, c.Client)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream, err := client.Stream(ctx)
	if err != nil {
		return err
	}
	var requests []*lossdv1.ComputeRequest
	var pending []*lossd.Pending
	for _, message := range c.Messages {
		request, err := message.request()
		if err != nil {
			return err
		}
		sent, err := stream.Send(request)
		if err != nil {
			return err
		}
		requests, pending = append(requests, request), append(pending, sent)
	}
	for i, message := range c.Messages {
		result, err := pending[i].Wait(ctx)
		if err := message.check(requests[i], result, err); err != nil {
			return fmt.Errorf("%s: %w", requests[i].GetRequestId(), err)
		}
	}
	return stream.Close()
}

func runInfo(c *conformanceCase, server server, _ *suite) error {
	client, err := dial(server, c.Client)
	if err != nil {
		return err
	}
	defer client.Close()
	info, err := client.ServerInfo(context.Background())
	if err != nil {
		return err
	}
	losses := map[string]bool{}
	for _, loss := range info.GetLosses() {
		losses[loss.GetName()] = true
	}
	for _, name := range c.Expect.Info.Losses {
		if !losses[name] {
			return fmt.Errorf("expected the loss %s, got %v", name, losses)
		}
	}
	limits := info.GetLimits().ProtoReflect()
	for name, want := range c.Expect.Info.Limits {
		field := limits.Descriptor().Fields().ByName(protoreflect.Name(name))
		if got := fmt.Sprint(limits.Get(field)); got != fmt.Sprint(want) && got != fmt.Sprint(int64(want)) {
			return fmt.Errorf("%s: expected %v, got %v", name, want, got)
		}
	}
	if got := client.MaxMessageBytes(); float64(got) != c.Expect.Info.Limits["max_message_bytes"] {
		return fmt.Errorf("expected the client to take the server's limit, got %d", got)
	}
	return nil
}

// runRestart has one worker ask for the restart while the others go on calling.
func runRestart(c *conformanceCase, server server, suite *suite) error {
	client, err := dial(server, c.Client)
	if err != nil {
		return err
	}
	defer client.Close()
	var started, answered atomic.Int64
	var workers sync.WaitGroup
	failures := make([]error, c.Client.Concurrency)
	for worker := range failures {
		workers.Go(func() {
			for started.Add(1) <= int64(c.Client.Calls) {
				if err := c.Messages[0].compute(context.Background(), client); err != nil {
					failures[worker] = errors.Join(failures[worker], err)
				}
				if answered.Add(1) == int64(c.Client.RestartAfter) {
					_, err := suite.ask("restart", c.Server)
					failures[worker] = errors.Join(failures[worker], err)
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(failures...)
}

func runRotate(c *conformanceCase, server server, suite *suite) error {
	old, err := dial(server, c.Client)
	if err != nil {
		return err
	}
	defer old.Close()
	accepted := c.Messages[0]
	accepted.Expect = expectation{}
	if err := accepted.compute(context.Background(), old); err != nil {
		return fmt.Errorf("before the rotation: %w", err)
	}
	answer, err := suite.ask("rotate_token", c.Server)
	if err != nil {
		return err
	}
	if err := c.Messages[0].compute(context.Background(), old); err != nil {
		return fmt.Errorf("with the old token: %w", err)
	}
	server.Token = answer.Token
	fresh, err := dial(server, c.Client)
	if err != nil {
		return err
	}
	defer fresh.Close()
	if err := accepted.compute(context.Background(), fresh); err != nil {
		return fmt.Errorf("with the new token: %w", err)
	}
	return nil
}
