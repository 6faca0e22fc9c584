// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs the conformance cases of a plan and reports a line of JSON each: see tests/conformance/README.md.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"time"
)

type plan struct {
	Cases   string
	Only    []string
	Servers map[string]server
}

type server struct{ Target, CA, Token string }

// suite is who runs this program: it is told of cases and asked for help.
type suite struct{ answers *bufio.Reader }

func (s *suite) ask(what, server string) (answer struct{ Token string }, err error) {
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{"ask": what, "server": server})
	line, err := s.answers.ReadBytes('\n')
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(line, &answer)
}

func (s *suite) report(name string, err error, seconds float64) {
	verdict, text := "pass", ""
	if err != nil {
		verdict, text = "fail", err.Error()
	}
	if errors.Is(err, errUnknown) {
		verdict = "skip"
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"case": name, "verdict": verdict, "text": text, "seconds": seconds})
}

var errUnknown = errors.New("not known to this runner")

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: conformance PLAN")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var plan plan
	if err := json.Unmarshal(text, &plan); err != nil {
		log.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(plan.Cases, "*.json"))
	if err != nil {
		log.Fatal(err)
	}
	suite := &suite{bufio.NewReader(os.Stdin)}
	for _, path := range paths {
		name := filepath.Base(path[:len(path)-len(".json")])
		if plan.Only != nil && !slices.Contains(plan.Only, name) {
			continue
		}
		begin := time.Now()
		err := run(path, plan.Servers, suite)
		suite.report(name, err, time.Since(begin).Seconds())
	}
}

func run(path string, servers map[string]server, suite *suite) error {
	read, err := readCase(path)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnknown, err)
	}
	kind, known := kinds[read.Kind]
	if !known {
		return fmt.Errorf("kind %s: %w", read.Kind, errUnknown)
	}
	server, known := servers[read.Server]
	if !known {
		return fmt.Errorf("server %s: %w", read.Server, errUnknown)
	}
	return kind(read, server, suite)
}
