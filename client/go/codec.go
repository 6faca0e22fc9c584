// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"encoding/binary"
	"fmt"
	"io"
	"unsafe"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	lossdv1 "lossd.dev/go/lossd/v1"
)

// Both messages have their large tensors, and tensors their payload, in the last field.
const payloadField = 15

// payloadCodec sends the payloads of requests from where they lie and copies those of answers once, into memory that is
// aligned for any element. Everything else, and every other message, is protobuf's.
type payloadCodec struct{}

func (payloadCodec) Name() string { return "proto" }

func (payloadCodec) Marshal(message any) (mem.BufferSlice, error) {
	request, ok := message.(*lossdv1.ComputeRequest)
	if !ok {
		bytes, err := proto.Marshal(message.(proto.Message))
		return mem.BufferSlice{mem.SliceBuffer(bytes)}, err
	}
	head, err := proto.Marshal(withoutPayload(request))
	if err != nil {
		return nil, err
	}
	var slices mem.BufferSlice
	for _, tensor := range request.GetInputs() {
		description, err := proto.Marshal(withoutPayload(tensor))
		if err != nil {
			return nil, err
		}
		description = appendLength(description, len(tensor.GetData()))
		head = append(appendLength(head, len(description)+len(tensor.GetData())), description...)
		slices = append(slices, mem.SliceBuffer(head), mem.SliceBuffer(tensor.GetData()))
		head = nil
	}
	return append(slices, mem.SliceBuffer(head)), nil
}

// withoutPayload is a shallow copy without the last field.
func withoutPayload(message proto.Message) proto.Message {
	from := message.ProtoReflect()
	to := from.New()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Number() != payloadField {
			to.Set(field, value)
		}
		return true
	})
	to.SetUnknown(from.GetUnknown())
	return to.Interface()
}

func appendLength(bytes []byte, length int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(bytes, payloadField, protowire.BytesType), uint64(length))
}

func (payloadCodec) Unmarshal(slices mem.BufferSlice, message any) error {
	answer, ok := message.(*lossdv1.ComputeResponse)
	if !ok {
		return proto.Unmarshal(slices.Materialize(), message.(proto.Message))
	}
	reader := slices.Reader()
	defer reader.Close()
	var gradients []*lossdv1.Tensor
	rest, err := split(reader, reader.Remaining(), func(length int) error {
		gradient, err := readTensor(reader, length)
		gradients = append(gradients, gradient)
		return err
	})
	if err != nil {
		return err
	}
	if err := proto.Unmarshal(rest, answer); err != nil {
		return err
	}
	answer.Gradients = gradients
	return nil
}

func readTensor(reader *mem.Reader, length int) (*lossdv1.Tensor, error) {
	var data []byte
	rest, err := split(reader, length, func(length int) error {
		data = alignedBytes(length)
		_, err := io.ReadFull(reader, data)
		return err
	})
	if err != nil {
		return nil, err
	}
	tensor := new(lossdv1.Tensor)
	if err := proto.Unmarshal(rest, tensor); err != nil {
		return nil, err
	}
	tensor.Data = data
	return tensor, nil
}

func alignedBytes(length int) []byte {
	words := make([]uint64, (length+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), length)
}

// split reads a message of `length` bytes: `payload` takes the contents of each last field; the rest is returned.
func split(reader *mem.Reader, length int, payload func(length int) error) (rest []byte, err error) {
	end := reader.Remaining() - length
	for reader.Remaining() > end {
		tag, err := binary.ReadUvarint(reader)
		if err != nil {
			return nil, err
		}
		number, kind := protowire.DecodeTag(tag)
		value := uint64(8)
		if kind != protowire.Fixed64Type {
			if value, err = binary.ReadUvarint(reader); err != nil {
				return nil, err
			}
		}
		if kind == protowire.BytesType && value > uint64(max(reader.Remaining()-end, 0)) {
			return nil, fmt.Errorf("lossd: field %d has %d bytes, its message fewer", number, value)
		}
		if kind == protowire.BytesType && number == payloadField {
			if err := payload(int(value)); err != nil {
				return nil, err
			}
			continue
		}
		rest = protowire.AppendVarint(rest, tag)
		switch kind {
		case protowire.VarintType:
			rest = protowire.AppendVarint(rest, value)
			continue
		case protowire.BytesType:
			rest = protowire.AppendVarint(rest, value)
		case protowire.Fixed64Type:
		default:
			return nil, fmt.Errorf("lossd: field %d: expected a wire type of lossd.v1, got %d", number, kind)
		}
		at := len(rest)
		rest = append(rest, make([]byte, value)...)
		if _, err := io.ReadFull(reader, rest[at:]); err != nil {
			return nil, err
		}
	}
	return rest, nil
}
