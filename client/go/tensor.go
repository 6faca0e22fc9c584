// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

package lossd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	lossdv1 "lossd.dev/go/lossd/v1"
)

// Element is a type that a tensor can hold.
type Element interface {
	float32 | float64 | int32 | int64 | uint8 | BFloat16 | Float16
}

var dtypes = map[reflect.Type]lossdv1.Dtype{
	reflect.TypeFor[float32]():  lossdv1.Dtype_DTYPE_FLOAT32,
	reflect.TypeFor[Float16]():  lossdv1.Dtype_DTYPE_FLOAT16,
	reflect.TypeFor[BFloat16](): lossdv1.Dtype_DTYPE_BFLOAT16,
	reflect.TypeFor[float64]():  lossdv1.Dtype_DTYPE_FLOAT64,
	reflect.TypeFor[int32]():    lossdv1.Dtype_DTYPE_INT32,
	reflect.TypeFor[int64]():    lossdv1.Dtype_DTYPE_INT64,
	reflect.TypeFor[uint8]():    lossdv1.Dtype_DTYPE_UINT8,
}

// The wire is little endian, and so must be who does not want to copy.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Tensor names a slice, in C order, as an input. It shares the slice's memory, and nothing is copied before the message
// is sent. Without extents it has one dimension, the slice's length; for rank 0 there is Scalar.
func Tensor[T Element](name string, values []T, shape ...int64) *lossdv1.Tensor {
	if len(shape) == 0 {
		shape = []int64{int64(len(values))}
	}
	return &lossdv1.Tensor{Name: name, Dtype: dtypes[reflect.TypeFor[T]()], Shape: shape, Data: bytesOf(values)}
}

// Scalar is a tensor of rank 0.
func Scalar[T Element](name string, value T) *lossdv1.Tensor {
	tensor := Tensor(name, []T{value})
	tensor.Shape = nil
	return tensor
}

// Values returns a tensor's elements, sharing its memory. The error says which type they have, or that there is no tensor:
// Gradient and Output return nil for names that the answer has not.
func Values[T Element](tensor *lossdv1.Tensor) ([]T, error) {
	if tensor == nil {
		return nil, errors.New("lossd: tensor: expected one, got none: the answer has no such tensor")
	}
	if want := dtypes[reflect.TypeFor[T]()]; tensor.GetDtype() != want {
		return nil, fmt.Errorf("lossd: tensor %q: expected %v, got %v", tensor.GetName(), want, tensor.GetDtype())
	}
	size := int(unsafe.Sizeof(*new(T)))
	data := tensor.GetData()
	if len(data)%size != 0 {
		return nil, fmt.Errorf("lossd: tensor %q: expected a multiple of %d bytes, got %d", tensor.GetName(), size, len(data))
	}
	start := unsafe.Pointer(unsafe.SliceData(data))
	if littleEndian && uintptr(start)%uintptr(size) == 0 {
		return unsafe.Slice((*T)(start), len(data)/size), nil
	}
	values := make([]T, len(data)/size)
	_, err := binary.Decode(data, binary.LittleEndian, values)
	return values, err
}

func bytesOf[T Element](values []T) []byte {
	if littleEndian {
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(*new(T))))
	}
	data, _ := binary.Append(nil, binary.LittleEndian, values) // Fails for types without a size only.
	return data
}

// Loss makes a LossSpec of a loss's configuration, such as &lossdv1.NtXent{}. It panics for messages that are none.
func Loss(config proto.Message) *lossdv1.LossSpec {
	spec := new(lossdv1.LossSpec)
	members := spec.ProtoReflect().Descriptor().Oneofs().ByName("loss").Fields()
	for i := range members.Len() {
		if members.Get(i).Message() == config.ProtoReflect().Descriptor() {
			spec.ProtoReflect().Set(members.Get(i), protoreflect.ValueOfMessage(config.ProtoReflect()))
			return spec
		}
	}
	panic(fmt.Sprintf("lossd: %T is no loss", config))
}
