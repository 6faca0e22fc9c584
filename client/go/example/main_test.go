// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"lossd.dev/go/internal/livetest"
)

func TestPrintsTheNumbersOfTheDocumentation(t *testing.T) {
	var out strings.Builder
	if err := run(livetest.Start(t), &out); err != nil {
		t.Fatal(err)
	}
	const want = "losses [2.2351 2.1902], objective 4.4577, sum of |d anchor.0| 0.1267\n"
	if out.String() != want {
		t.Errorf("expected %q, got %q", want, out.String())
	}
}
