// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"strings"
	"testing"
)

func TestTakesWhatGRPCResolves(t *testing.T) {
	for _, target := range []string{"localhost:50051", "10.0.0.1:1", "[::1]:65535", "unix:/run/lossd.sock", "unix:name", "unix-abstract:name",
		"dns:///lossd:50051", "dns:lossd:50051", "passthrough:///anything", "lossd.svc.cluster.local:grpc"} {
		client, err := Dial(target)
		if err != nil {
			t.Errorf("%s: %v", target, err)
			continue
		}
		_ = client.Close()
	}
}

func TestRefusesTargetsThatGRPCWouldCallElsewhere(t *testing.T) {
	const expected = `lossd: target: expected "host:port", "unix:/path" or another name that gRPC resolves, got '`
	for target, hint := range map[string]string{
		"": "'", "localhost": "'", "::1": "'", "host:": "'", "host:port:1": "'", "dns:///lossd": "'", " localhost:1": "'", ":50051": "'",
		"localhost:99999": "'; ports are 1 to 65535", "localhost:0": "'; ports are 1 to 65535", "[::1]:70000": "'; ports are 1 to 65535",
		"localhost:99999999999999999999": "'; ports are 1 to 65535", "dns:///lossd:65536": "'; ports are 1 to 65535",
		"http://localhost:1": `'; without "http://" it may be 'localhost:1', and TLS is WithTLS`,
		"grpcs://":           `'; without "grpcs://" it may be 'host:port', and TLS is WithTLS`,
	} {
		_, err := Dial(target)
		if err == nil || !strings.HasPrefix(err.Error(), expected) || !strings.HasSuffix(err.Error(), target+hint) {
			t.Errorf("%q: got %v", target, err)
		}
	}
}
