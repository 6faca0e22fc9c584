// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"bytes"
	"testing"
	"unsafe"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	lossdv1 "lossd.dev/go/lossd/v1"
)

func someRequest() *lossdv1.ComputeRequest {
	return &lossdv1.ComputeRequest{
		RequestId: "a", Loss: Loss(&lossdv1.NtXent{Temperature: proto.Float64(0.5)}),
		Inputs: []*lossdv1.Tensor{Tensor("out_1", make([]float32, 999), 27, 37), Scalar("out_2", int64(7)), Tensor("", []uint8{})},
	}
}

func someResponse() *lossdv1.ComputeResponse {
	return &lossdv1.ComputeResponse{
		RequestId: "a", Objective: 1.25, Outputs: []*lossdv1.Tensor{Scalar("loss", float32(1.25))}, Nonfinite: []string{"x.0"},
		Gradients: []*lossdv1.Tensor{Tensor("x.0", []float64{1, 2, 3}), Tensor("x.1", []uint8{1}), Tensor("x.2", []float64{}, 0, 2)},
	}
}

func TestRequestsAreWhatProtobufWouldWrite(t *testing.T) {
	request := someRequest()
	slices, err := payloadCodec{}.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	read := new(lossdv1.ComputeRequest)
	if err := proto.Unmarshal(slices.Materialize(), read); err != nil || !proto.Equal(read, request) {
		t.Errorf("expected %v, got %v, %v", request, read, err)
	}
}

func TestPayloadsAreSentFromWhereTheyLie(t *testing.T) {
	request := someRequest()
	slices, _ := payloadCodec{}.Marshal(request)
	payload := request.GetInputs()[0].GetData()
	for _, slice := range slices {
		if unsafe.SliceData(slice.ReadOnlyData()) == unsafe.SliceData(payload) {
			return
		}
	}
	t.Error("expected the payload's own memory among the slices, got copies")
}

// cut makes buffers of `size` bytes of a message, as the transport does.
func cut(message []byte, size int) (slices mem.BufferSlice) {
	for len(message) > size {
		slices = append(slices, mem.SliceBuffer(message[:size]))
		message = message[size:]
	}
	return append(slices, mem.SliceBuffer(message))
}

func TestAnswersAreReadHoweverTheyAreCut(t *testing.T) {
	message, _ := proto.Marshal(someResponse())
	for size := 1; size <= len(message); size++ {
		read := new(lossdv1.ComputeResponse)
		if err := (payloadCodec{}).Unmarshal(cut(message, size), read); err != nil || !proto.Equal(read, someResponse()) {
			t.Fatalf("cut at %d: got %v, %v", size, read, err)
		}
		if address := uintptr(unsafe.Pointer(unsafe.SliceData(read.GetGradients()[0].GetData()))); address%8 != 0 {
			t.Fatalf("expected aligned payloads, got %#x", address)
		}
	}
}

func TestAnswersThatAreNoneAreErrors(t *testing.T) {
	message, _ := proto.Marshal(someResponse())
	for length := range message {
		mutilated := bytes.Clone(message[:length])
		_ = payloadCodec{}.Unmarshal(cut(mutilated, 7), new(lossdv1.ComputeResponse)) // Must not panic; prefixes may be messages.
		mutilated = append(bytes.Clone(message[:length]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01)
		_ = payloadCodec{}.Unmarshal(cut(mutilated, 7), new(lossdv1.ComputeResponse))
	}
	for name, message := range map[string][]byte{
		"a gradient longer than the message": {0x7a, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"a payload longer than its tensor":   {0x7a, 0x03, 0x7a, 0x7f, 0x00},
		"a group":                            {0x0b, 0x0c},
		"half a number":                      {0x11, 0x00},
		"no end of a varint":                 {0x08, 0x80},
	} {
		if err := (payloadCodec{}).Unmarshal(cut(message, 2), new(lossdv1.ComputeResponse)); err == nil {
			t.Errorf("%s: expected an error, got none", name)
		}
	}
}

func TestOtherMessagesAreProtobufs(t *testing.T) {
	info := &lossdv1.GetServerInfoResponse{Version: "1"}
	slices, err := payloadCodec{}.Marshal(info)
	read := new(lossdv1.GetServerInfoResponse)
	if err != nil || (payloadCodec{}).Unmarshal(slices, read) != nil || !proto.Equal(read, info) {
		t.Errorf("got %v, %v", read, err)
	}
}
