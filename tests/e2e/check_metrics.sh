#!/bin/sh
# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0
#
# Starts the server given as $1 and hands its /metrics to the promtool given as $2.
set -eu
folder=$(mktemp -d)
mkfifo "$folder/log"
"$1" --listen=127.0.0.1:0 --admin_listen= --http_listen=127.0.0.1:0 --port_file="$folder/ports" 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
# The first line of the log comes once the port file is written; reading it is the wait.
exec 3<"$folder/log"
read -r _ <&3
cat <&3 >/dev/null &
address=$(sed 's/.*"http_listen":\["\([^"]*\)"\].*/\1/' "$folder/ports")
curl --fail --silent --show-error "http://$address/metrics" >"$folder/metrics"
"$2" check metrics <"$folder/metrics"
