// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// What arrival and departure of a 16 MB tensor cost, against a plain copy of the same bytes and against protobuf. The
// slices are of 64 KiB, as the transport's are. Compare lines of one run.

#include <cstring>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "core/tensor/buffer_pool.h"
#include "core/tensor/convert.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "lossd/v1/loss_service.pb.h"
#include "proto/wire/payload.h"
#include "proto/wire/request_decoder.h"
#include "proto/wire/response_encoder.h"

namespace lossd::wire {
namespace {

constexpr int64_t kPayloadBytes = 16 << 20;
constexpr size_t kSliceBytes = 64 << 10;

// A request with one input of 16 MB, as the transport hands it over.
std::vector<grpc::Slice> MakeRequest(DType dtype) {
  v1::ComputeRequest request;
  request.set_request_id("bench");
  request.mutable_loss()->mutable_squared_norm();
  v1::Tensor* input = request.add_inputs();
  input->set_name("x.0");
  input->set_dtype(static_cast<v1::Dtype>(dtype));
  input->add_shape(kPayloadBytes / static_cast<int64_t>(SizeOf(dtype)));
  input->mutable_data()->resize(static_cast<size_t>(kPayloadBytes), '\x3c');
  const std::string bytes = request.SerializeAsString();
  std::vector<grpc::Slice> slices;
  for (size_t i = 0; i < bytes.size(); i += kSliceBytes) {
    slices.emplace_back(bytes.data() + i, std::min(kSliceBytes, bytes.size() - i));
  }
  return slices;
}

void CountBytes(benchmark::State& state) { state.SetBytesProcessed(state.iterations() * kPayloadBytes); }

void CopySlices(benchmark::State& state) {
  const std::vector<grpc::Slice> slices = MakeRequest(DType::kFloat32);
  BufferPool pool(1 << 30);
  for (auto _ : state) {
    const Buffer buffer = pool.Allocate(static_cast<size_t>(kPayloadBytes) + 4096);
    std::byte* destination = buffer.data();
    for (const grpc::Slice& slice : slices) {
      std::memcpy(destination, slice.begin(), slice.size());
      destination += slice.size();
    }
    benchmark::DoNotOptimize(buffer.data());
    benchmark::ClobberMemory();
  }
  CountBytes(state);
}
BENCHMARK(CopySlices)->Unit(benchmark::kMillisecond);

void DecodeAndGather(benchmark::State& state, DType dtype, bool sum_squares = false) {
  const std::vector<grpc::Slice> slices = MakeRequest(dtype);
  BufferPool pool(1 << 30);
  for (auto _ : state) {
    const absl::StatusOr<DecodedRequest> request = DecodeRequest(slices);
    const TensorSpec& spec = request->specs[0];
    const size_t elements = static_cast<size_t>(ElementCount(spec.shape));
    const Buffer buffer = pool.Allocate(elements * SizeOf(StorageDType(dtype)));
    benchmark::DoNotOptimize(GatherPayload(slices, request->payloads[0], dtype, buffer.data(), sum_squares));
    benchmark::ClobberMemory();
  }
  CountBytes(state);
}
BENCHMARK_CAPTURE(DecodeAndGather, Float32, DType::kFloat32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeAndGather, Float32WithSquares, DType::kFloat32, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeAndGather, Float64, DType::kFloat64)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeAndGather, Float16, DType::kFloat16)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(DecodeAndGather, BFloat16, DType::kBFloat16)->Unit(benchmark::kMillisecond);

void DecodeOnly(benchmark::State& state) {
  const std::vector<grpc::Slice> slices = MakeRequest(DType::kFloat32);
  for (auto _ : state) benchmark::DoNotOptimize(DecodeRequest(slices));
}
BENCHMARK(DecodeOnly)->Unit(benchmark::kMillisecond);

// As generated gRPC code parses a message.
void ParseWithProtobuf(benchmark::State& state) {
  const std::vector<grpc::Slice> slices = MakeRequest(DType::kFloat32);
  for (auto _ : state) {
    grpc::ByteBuffer message(slices.data(), slices.size());
    grpc::ProtoBufferReader reader(&message);
    v1::ComputeRequest request;
    benchmark::DoNotOptimize(request.ParseFromZeroCopyStream(&reader));
  }
  CountBytes(state);
}
BENCHMARK(ParseWithProtobuf)->Unit(benchmark::kMillisecond);

// What a server on generated code has to do for the same result: aligned elements that are known to be finite.
void ParseThenCopy(benchmark::State& state) {
  const std::vector<grpc::Slice> slices = MakeRequest(DType::kFloat32);
  BufferPool pool(1 << 30);
  for (auto _ : state) {
    grpc::ByteBuffer message(slices.data(), slices.size());
    grpc::ProtoBufferReader reader(&message);
    v1::ComputeRequest request;
    benchmark::DoNotOptimize(request.ParseFromZeroCopyStream(&reader));
    const Buffer buffer = pool.Allocate(static_cast<size_t>(kPayloadBytes));
    std::memcpy(buffer.data(), request.inputs(0).data().data(), static_cast<size_t>(kPayloadBytes));
    benchmark::DoNotOptimize(AllFinite(DType::kFloat32, buffer.data(), kPayloadBytes / 4));
  }
  CountBytes(state);
}
BENCHMARK(ParseThenCopy)->Unit(benchmark::kMillisecond);

Tensor MakeGradient(BufferPool& pool) {
  const TensorSpec spec = {"x.0", DType::kFloat32, {kPayloadBytes / 4}};
  Tensor gradient(spec, pool.Allocate(static_cast<size_t>(kPayloadBytes)));
  std::memset(gradient.bytes(), 0x3c, static_cast<size_t>(kPayloadBytes));
  return gradient;
}

void Encode(benchmark::State& state) {
  BufferPool pool(0);
  const Tensor gradient = MakeGradient(pool);
  for (auto _ : state) benchmark::DoNotOptimize(EncodeResponse({}, {}, {gradient}));
}
BENCHMARK(Encode)->Unit(benchmark::kMillisecond);

void SerializeWithProtobuf(benchmark::State& state) {
  v1::ComputeResponse response;
  response.add_gradients()->mutable_data()->resize(static_cast<size_t>(kPayloadBytes), '\x3c');
  for (auto _ : state) benchmark::DoNotOptimize(response.SerializeAsString());
  CountBytes(state);
}
BENCHMARK(SerializeWithProtobuf)->Unit(benchmark::kMillisecond);

void Round(benchmark::State& state, DType from, DType to) {
  BufferPool pool(0);
  const Tensor source = MakeGradient(pool);
  const int64_t count = kPayloadBytes / static_cast<int64_t>(SizeOf(from));
  const Buffer rounded = pool.Allocate(static_cast<size_t>(count) * SizeOf(to));
  for (auto _ : state) {
    benchmark::DoNotOptimize(RoundTo(from, source.bytes(), to, rounded.data(), count).sum_of_squares);
    benchmark::ClobberMemory();
  }
  CountBytes(state);
}
BENCHMARK_CAPTURE(Round, Float32ToFloat32, DType::kFloat32, DType::kFloat32)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Round, Float32ToFloat16, DType::kFloat32, DType::kFloat16)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Round, Float32ToBFloat16, DType::kFloat32, DType::kBFloat16)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(Round, Float64ToFloat16, DType::kFloat64, DType::kFloat16)->Unit(benchmark::kMillisecond);

void ScanFloat32(benchmark::State& state) {
  BufferPool pool(0);
  const Tensor source = MakeGradient(pool);
  for (auto _ : state) {
    benchmark::DoNotOptimize(Scan(DType::kFloat32, source.bytes(), kPayloadBytes / 4).sum_of_squares);
  }
  CountBytes(state);
}
BENCHMARK(ScanFloat32)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lossd::wire

BENCHMARK_MAIN();
