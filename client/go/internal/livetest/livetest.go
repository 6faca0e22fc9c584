// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Package livetest starts a real server for tests.
package livetest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Start returns the address of a server that ends with the test. LOSSD_BIN_DIR names the folder of the binary; without
// it, the test is skipped.
func Start(t testing.TB) string {
	t.Helper()
	folder := os.Getenv("LOSSD_BIN_DIR")
	if folder == "" {
		t.Skip("LOSSD_BIN_DIR is not set: no server to call")
	}
	ports := filepath.Join(t.TempDir(), "ports.json")
	server := exec.Command(filepath.Join(folder, "lossd"), "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0",
		"--http_listen=127.0.0.1:0", "--port_file="+ports, "--log_level=warning")
	server.Stderr = os.Stderr
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGTERM)
		_ = server.Wait()
	})
	var addresses struct{ Listen []string }
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(ports)
		if err == nil && json.Unmarshal(text, &addresses) == nil {
			return addresses.Listen[0]
		}
		if time.Now().After(deadline) {
			t.Fatal("expected a server within 30 s, got none")
		}
	}
}
