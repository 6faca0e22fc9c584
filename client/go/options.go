// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver"
)

// What holds unless an option or the server says otherwise.
const (
	DefaultTimeout         = 5 * time.Minute
	DefaultMaxMessageBytes = 256 << 20
)

// What the server wants of its clients: calls wait for a connection instead of failing while there is none; a stream that
// ends UNAVAILABLE (a restart, a drain) before its first answer is opened again. For unary calls see retry.go.
const serviceConfig = `{"methodConfig": [{"name": [{"service": "lossd.v1.LossService"}], "waitForReady": true},
  {"name": [{"service": "lossd.v1.LossService", "method": "ComputeStream"}], "waitForReady": true,
  "retryPolicy": {"maxAttempts": 5, "initialBackoff": "0.1s", "maxBackoff": "2s", "backoffMultiplier": 2,
  "retryableStatusCodes": ["UNAVAILABLE"]}}], "loadBalancingConfig": [{"%s": {}}]}`

type settings struct {
	timeout         time.Duration
	maxMessageBytes int64
	tls             *tls.Config
	token           func(context.Context) (string, error)
	roundRobin      bool
	extra           []grpc.DialOption
}

// Option is a setting of a client.
type Option func(*settings)

// WithTimeout limits calls whose context has no deadline, all attempts together; 0: no limit. Default DefaultTimeout.
func WithTimeout(timeout time.Duration) Option { return func(s *settings) { s.timeout = timeout } }

// WithMaxMessageBytes limits messages in either direction; without it, the first call asks for the server's own limit.
func WithMaxMessageBytes(bytes int64) Option { return func(s *settings) { s.maxMessageBytes = bytes } }

// WithTLS encrypts; an empty config trusts the system's roots.
func WithTLS(config *tls.Config) Option { return func(s *settings) { s.tls = config } }

// WithToken sends a bearer token with every call.
func WithToken(token string) Option {
	return WithTokenSource(func(context.Context) (string, error) { return token, nil })
}

// WithTokenSource asks for the token at every call, so that it can change.
func WithTokenSource(source func(context.Context) (string, error)) Option {
	return func(s *settings) { s.token = source }
}

// WithRoundRobin spreads calls over all addresses of the target's name instead of taking the first that answers.
func WithRoundRobin() Option { return func(s *settings) { s.roundRobin = true } }

// WithDialOptions passes gRPC's own options on, after those of this package.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.extra = append(s.extra, options...) }
}

var hostAndPort = regexp.MustCompile(`^(\[[^\]]+\]|[^:/\[\]\s]+):([0-9]+|[a-zA-Z][\w-]*)$`)

// checkTarget refuses what gRPC would call elsewhere than it says, or look up in vain: a target without a port, with one
// that there is not, or a URL. Names with a scheme that has a resolver are left to that; of dns the host is checked.
func checkTarget(target string) error {
	refusal := fmt.Sprintf("lossd: target: expected \"host:port\", \"unix:/path\" or another name that gRPC resolves, got '%s'", target)
	place := target
	if scheme, rest, has := strings.Cut(target, ":"); has {
		switch {
		case slices.Contains([]string{"http", "https", "grpc", "grpcs"}, scheme) && strings.HasPrefix(rest, "//"):
			host := cmp.Or(strings.Trim(rest, "/"), "host:port")
			return fmt.Errorf("%s; without \"%s://\" it may be '%s', and TLS is WithTLS", refusal, scheme, host)
		case scheme == "dns":
			place = rest[strings.LastIndex(rest, "/")+1:]
		case resolver.Get(scheme) != nil:
			return nil
		}
	}
	parts := hostAndPort.FindStringSubmatch(place)
	if parts == nil {
		return errors.New(refusal)
	}
	if port, err := strconv.Atoi(parts[2]); parts[2][0] <= '9' && (err != nil || port < 1 || port > 65535) {
		return fmt.Errorf("%s; ports are 1 to 65535", refusal)
	}
	return nil
}

func (s *settings) validate() error {
	if s.maxMessageBytes < 0 || s.maxMessageBytes > math.MaxInt32 {
		return fmt.Errorf("lossd: max message bytes: expected 1 to %d, got %d", math.MaxInt32, s.maxMessageBytes)
	}
	return nil
}

func (s *settings) dialOptions() []grpc.DialOption {
	policy := "pick_first"
	if s.roundRobin {
		policy = "round_robin"
	}
	transport := insecure.NewCredentials()
	if s.tls != nil {
		transport = credentials.NewTLS(s.tls)
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(fmt.Sprintf(serviceConfig, policy)),
		// Reconnect after a restart as fast as retries want it.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		// Finds dead peers; below 10 s the server says goodbye.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 20 * time.Second}),
	}
	if s.token != nil {
		options = append(options, grpc.WithPerRPCCredentials(bearer{s.token}))
	}
	return append(options, s.extra...)
}

type bearer struct {
	token func(context.Context) (string, error)
}

func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.token(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + strings.TrimSpace(token)}, nil
}

func (bearer) RequireTransportSecurity() bool { return false }
