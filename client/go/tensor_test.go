// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	lossdv1 "lossd.dev/go/lossd/v1"
)

func TestTensorsShareTheirSlicesMemory(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	tensor := Tensor("x.0", values, 2, 3)
	values[5] = 7
	read, err := Values[float32](tensor)
	if err != nil || !slices.Equal(read, values) || &read[0] != &values[0] {
		t.Errorf("expected a view of %v, got %v, %v", values, read, err)
	}
	if got := Tensor("x.0", values).GetShape(); !slices.Equal(got, []int64{6}) {
		t.Errorf("expected one dimension of 6, got %v", got)
	}
	if scalar := Scalar("logit_scale", 2.5); scalar.GetShape() != nil || len(scalar.GetData()) != 8 {
		t.Errorf("expected rank 0 and 8 bytes, got %v", scalar)
	}
}

func TestEmptyTensorsHaveNoBytes(t *testing.T) {
	tensor := Tensor("x.0", []float64{}, 0, 3)
	if read, err := Values[float64](tensor); err != nil || len(read) != 0 || len(tensor.GetData()) != 0 {
		t.Errorf("expected nothing, got %v, %v", read, err)
	}
}

func TestBytesThatLieAnywhereAreReadRight(t *testing.T) {
	bytes := append([]byte{0xff}, Tensor("", []float64{1.5, -2}).GetData()...)
	tensor := &lossdv1.Tensor{Dtype: lossdv1.Dtype_DTYPE_FLOAT64, Shape: []int64{2}, Data: bytes[1:]}
	if read, err := Values[float64](tensor); err != nil || !slices.Equal(read, []float64{1.5, -2}) {
		t.Errorf("got %v, %v", read, err)
	}
}

func TestAnotherTypeThanTheTensorsIsRefused(t *testing.T) {
	_, err := Values[float32](Tensor("loss", []BFloat16{1}))
	if err == nil || !strings.Contains(err.Error(), `"loss": expected DTYPE_FLOAT32, got DTYPE_BFLOAT16`) {
		t.Errorf("got %v", err)
	}
}

func TestATensorThatTheAnswerHasNotIsRefused(t *testing.T) {
	result := &Result{ComputeResponse: &lossdv1.ComputeResponse{}}
	_, err := Values[float32](result.Gradient("x.9"))
	if err == nil || !strings.Contains(err.Error(), "no such tensor") {
		t.Errorf("got %v", err)
	}
}

func TestLossTakesEveryMemberOfTheSpec(t *testing.T) {
	members := new(lossdv1.LossSpec).ProtoReflect().Descriptor().Oneofs().ByName("loss").Fields()
	for i := range members.Len() {
		spec := new(lossdv1.LossSpec).ProtoReflect()
		config := spec.NewField(members.Get(i)).Message().Interface()
		if which := Loss(config).ProtoReflect().WhichOneof(members.Get(i).ContainingOneof()); which != members.Get(i) {
			t.Errorf("expected %v, got %v", members.Get(i).Name(), which)
		}
	}
	if got := Loss(&lossdv1.NtXent{Temperature: proto.Float64(0.1)}).GetNtXent().GetTemperature(); got != 0.1 {
		t.Errorf("expected the configuration's values, got %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("expected a panic for what is no loss")
		}
	}()
	Loss(&lossdv1.Tensor{})
}
