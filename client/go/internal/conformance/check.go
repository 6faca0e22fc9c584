// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"lossd.dev/go"
	lossdv1 "lossd.dev/go/lossd/v1"
)

// check says in what an answer or an error is not what a message expects.
func (m message) check(request *lossdv1.ComputeRequest, result *lossd.Result, err error) error {
	if m.Expect.Error != nil {
		return m.Expect.Error.check(err)
	}
	if err != nil {
		return fmt.Errorf("expected an answer, got %w", err)
	}
	if result.GetRequestId() != request.GetRequestId() {
		return fmt.Errorf("expected request_id %q, got %q", request.GetRequestId(), result.GetRequestId())
	}
	if want := m.Expect.Objective; want != nil && !close(result.GetObjective(), want.Value, want.Tolerance) {
		return fmt.Errorf("objective: expected %v +- %v, got %v", want.Value, want.Tolerance, result.GetObjective())
	}
	if m.Expect.Nonfinite != nil {
		want, got := slices.Sorted(slices.Values(*m.Expect.Nonfinite)), slices.Compact(slices.Sorted(slices.Values(result.GetNonfinite())))
		if !slices.Equal(want, got) {
			return fmt.Errorf("nonfinite: expected %v, got %v", want, got)
		}
	}
	return errors.Join(checkTensors("outputs", m.Expect.Outputs, result.GetOutputs(), request),
		checkTensors("gradients", m.Expect.Gradients, result.GetGradients(), request))
}

func checkTensors(what string, want *[]tensor, got []*lossdv1.Tensor, request *lossdv1.ComputeRequest) error {
	if want == nil {
		return nil
	}
	if len(*want) != len(got) {
		return fmt.Errorf("%s: expected %d, got %d", what, len(*want), len(got))
	}
	for i, tensor := range *want {
		if err := tensor.check(got[i], request); err != nil {
			return fmt.Errorf("%s[%d]: %w", what, i, err)
		}
	}
	return nil
}

func (t tensor) check(got *lossdv1.Tensor, request *lossdv1.ComputeRequest) error {
	dtype := strings.TrimPrefix(got.GetDtype().String(), "DTYPE_")
	if got.GetName() != t.Name || dtype != t.Dtype || !slices.Equal(got.GetShape(), t.Shape) {
		return fmt.Errorf("expected %s %s %v, got %s %s %v", t.Name, t.Dtype, t.Shape, got.GetName(), dtype, got.GetShape())
	}
	for _, input := range request.GetInputs() {
		if input.GetName() == t.EqualsInput && !bytes.Equal(input.GetData(), got.GetData()) {
			return fmt.Errorf("%s: expected the bytes of the input, got others", t.Name)
		}
	}
	if t.Values == nil {
		return nil
	}
	values, err := doubles(got)
	if err != nil {
		return err
	}
	if len(values) != len(t.Values) {
		return fmt.Errorf("%s: expected %d values, got %d", t.Name, len(t.Values), len(values))
	}
	for i, value := range values {
		if want := number(t.Values[i]); !close(value, want, t.Tolerance) {
			return fmt.Errorf("%s[%d]: expected %v +- %v, got %v", t.Name, i, want, t.Tolerance, value)
		}
	}
	return nil
}

func number(value any) float64 {
	switch value {
	case "nan":
		return math.NaN()
	case "inf":
		return math.Inf(1)
	case "-inf":
		return math.Inf(-1)
	}
	return value.(float64)
}

func close(got, want, tolerance float64) bool {
	return got == want || math.Abs(got-want) <= tolerance || math.IsNaN(got) && math.IsNaN(want)
}

func doubles(tensor *lossdv1.Tensor) ([]float64, error) {
	switch tensor.GetDtype() {
	case lossdv1.Dtype_DTYPE_FLOAT32:
		return converted(tensor, func(v float32) float64 { return float64(v) })
	case lossdv1.Dtype_DTYPE_FLOAT64:
		return lossd.Values[float64](tensor)
	case lossdv1.Dtype_DTYPE_FLOAT16:
		return converted(tensor, func(v lossd.Float16) float64 { return float64(v.Float32()) })
	case lossdv1.Dtype_DTYPE_BFLOAT16:
		return converted(tensor, func(v lossd.BFloat16) float64 { return float64(v.Float32()) })
	case lossdv1.Dtype_DTYPE_INT32:
		return converted(tensor, func(v int32) float64 { return float64(v) })
	case lossdv1.Dtype_DTYPE_INT64:
		return converted(tensor, func(v int64) float64 { return float64(v) })
	}
	return nil, fmt.Errorf("%s: unexpected dtype %v", tensor.GetName(), tensor.GetDtype())
}

func converted[T lossd.Element](tensor *lossdv1.Tensor, convert func(T) float64) ([]float64, error) {
	values, err := lossd.Values[T](tensor)
	result := make([]float64, len(values))
	for i, value := range values {
		result[i] = convert(value)
	}
	return result, err
}

func (e expectedError) check(err error) error {
	var failed *lossd.Error
	if !errors.As(err, &failed) {
		return fmt.Errorf("expected %v, got %v", e.Code, err)
	}
	var problems []string
	expect := func(holds bool, what string) {
		if !holds {
			problems = append(problems, what)
		}
	}
	expect(slices.Contains(e.Code, codeName(failed.Code)), fmt.Sprintf("code %v", e.Code))
	named := func(v lossd.FieldViolation) bool { return v.Field == e.Field }
	expect(e.Field == "" || slices.ContainsFunc(failed.FieldViolations, named), fmt.Sprintf("a violation of %s", e.Field))
	expect(e.Quota == nil || *e.Quota == (len(failed.QuotaViolations) > 0), "quota violations")
	expect(e.RetryDelay == nil || *e.RetryDelay == (failed.RetryDelay > 0), "a retry delay")
	for _, text := range e.Text {
		expect(strings.Contains(strings.ToLower(failed.Message), strings.ToLower(text)), fmt.Sprintf("the text %q", text))
	}
	expect(e.Origin == "" || (e.Origin == "server") == failed.FromServer, "the origin "+e.Origin)
	if problems == nil {
		return nil
	}
	return fmt.Errorf("expected %s, got %w (violations %v, quota %v)", strings.Join(problems, ", "), failed, failed.FieldViolations,
		failed.QuotaViolations)
}

// codeName is gRPC's own spelling; String() has Go's.
func codeName(code codes.Code) string {
	var names = map[codes.Code]string{codes.Canceled: "CANCELLED", codes.InvalidArgument: "INVALID_ARGUMENT",
		codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED", codes.OutOfRange: "OUT_OF_RANGE",
		codes.Unimplemented: "UNIMPLEMENTED", codes.Unavailable: "UNAVAILABLE", codes.Unauthenticated: "UNAUTHENTICATED"}
	if name, known := names[code]; known {
		return name
	}
	return code.String()
}
