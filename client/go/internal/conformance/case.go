// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	"lossd.dev/go"
	lossdv1 "lossd.dev/go/lossd/v1"
)

// The case format of tests/conformance/README.md.

type conformanceCase struct {
	Name, Server, Kind string
	Client             clientSettings
	Messages           []message
	Expect             struct {
		Info struct {
			Losses []string
			Limits map[string]float64
		}
	}
}

type clientSettings struct {
	TimeoutMs       int64  `json:"timeout_ms"`
	CancelAfterMs   int64  `json:"cancel_after_ms"`
	Compression     string `json:"compression"`
	MaxMessageBytes int64  `json:"max_message_bytes"`
	Token           string `json:"token"`
	Calls           int    `json:"calls"`
	Concurrency     int    `json:"concurrency"`
	RestartAfter    int    `json:"restart_after"`
}

func (s clientSettings) timeout() time.Duration { return time.Duration(s.TimeoutMs) * time.Millisecond }

type message struct {
	RequestBinary []byte `json:"request_binary"`
	Inputs        []input
	Expect        expectation
}

type input struct {
	Name, Dtype string
	Shape       []int64
	Data        *string
	Fill        struct {
		Step, Modulus, Offset int64
		Scale                 float64
	}
}

type expectation struct {
	Objective *struct{ Value, Tolerance float64 }
	Outputs   *[]tensor
	Gradients *[]tensor
	Nonfinite *[]string
	Error     *expectedError
}

type tensor struct {
	Name, Dtype string
	Shape       []int64
	Values      []any
	Tolerance   float64
	EqualsInput string `json:"equals_input"`
}

type expectedError struct {
	Code       []string
	Field      string
	Quota      *bool
	RetryDelay *bool `json:"retry_delay"`
	Text       []string
	Origin     string
}

// readCase refuses members that it does not know, so that they are not passed over in silence.
func readCase(path string) (*conformanceCase, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := new(conformanceCase)
	if err := json.Unmarshal(text, read); err != nil {
		return nil, err
	}
	settings := struct{ Client json.RawMessage }{}
	if err := json.Unmarshal(text, &settings); err != nil {
		return nil, err
	}
	known := json.NewDecoder(bytes.NewReader(settings.Client))
	known.DisallowUnknownFields()
	if len(settings.Client) > 0 {
		err = known.Decode(new(clientSettings))
	}
	return read, err
}

func (m message) request() (*lossdv1.ComputeRequest, error) {
	request := new(lossdv1.ComputeRequest)
	if err := proto.Unmarshal(m.RequestBinary, request); err != nil {
		return nil, err
	}
	for _, input := range m.Inputs {
		made, err := input.tensor()
		if err != nil {
			return nil, err
		}
		request.Inputs = append(request.Inputs, made)
	}
	return request, nil
}

// tensor goes through a slice of the language's type, as a caller's values would.
func (i input) tensor() (*lossdv1.Tensor, error) {
	switch i.Dtype {
	case "FLOAT32":
		return tensorOf(i, func(v float64) float32 { return float32(v) })
	case "FLOAT64":
		return tensorOf(i, func(v float64) float64 { return v })
	case "FLOAT16":
		return tensorOf(i, func(v float64) lossd.Float16 { return lossd.ToFloat16(float32(v)) })
	case "BFLOAT16":
		return tensorOf(i, func(v float64) lossd.BFloat16 { return lossd.ToBFloat16(float32(v)) })
	case "INT32":
		return tensorOf(i, func(v float64) int32 { return int32(v) })
	case "INT64":
		return tensorOf(i, func(v float64) int64 { return int64(v) })
	case "UINT8":
		return tensorOf(i, func(v float64) uint8 { return uint8(v) })
	}
	return nil, fmt.Errorf("input %s: unknown dtype %s", i.Name, i.Dtype)
}

func tensorOf[T lossd.Element](i input, convert func(float64) T) (*lossdv1.Tensor, error) {
	count := int64(1)
	for _, extent := range i.Shape {
		count *= extent
	}
	values := make([]T, count)
	if i.Data != nil {
		data, err := base64.StdEncoding.DecodeString(*i.Data)
		if err != nil {
			return nil, err
		}
		if _, err := binary.Decode(data, binary.LittleEndian, values); err != nil && count > 0 {
			return nil, err
		}
	} else {
		for k := range values {
			values[k] = convert(i.Fill.Scale * float64(int64(k)*i.Fill.Step%i.Fill.Modulus+i.Fill.Offset))
		}
	}
	if len(i.Shape) == 0 {
		return lossd.Scalar(i.Name, values[0]), nil
	}
	return lossd.Tensor(i.Name, values, i.Shape...), nil
}
