// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/raw_call.h"

namespace lossd::testing {

RawCall::RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method, bool compressed,
                 std::chrono::milliseconds deadline) {
  if (deadline.count() > 0) context_.set_deadline(std::chrono::system_clock::now() + deadline);
  if (compressed) context_.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  Begin(channel, method);
}

RawCall::RawCall(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                 const std::vector<std::pair<std::string, std::string>>& headers) {
  for (const auto& [name, value] : headers) context_.AddMetadata(name, value);
  Begin(channel, method);
}

void RawCall::Begin(const std::shared_ptr<grpc::Channel>& channel, const std::string& method) {
  grpc::GenericStub stub(channel);
  call_ = stub.PrepareCall(&context_, method[0] == '/' ? method : "/lossd.v1.LossService/" + method, &queue_);
  call_->StartCall(nullptr);
  Await();
}

RawCall::~RawCall() {
  if (!ended_) {
    context_.TryCancel();
    End();
  }
  queue_.Shutdown();
  Await();
}

bool RawCall::Await() {
  void* tag = nullptr;
  bool ok = false;
  return queue_.Next(&tag, &ok) && ok;
}

bool RawCall::Write(const grpc::ByteBuffer& message) {
  call_->Write(message, nullptr);
  return Await();
}

bool RawCall::Write(const std::string& message) {
  const grpc::Slice slice(message);
  return Write(grpc::ByteBuffer(&slice, 1));
}

void RawCall::HalfClose() {
  call_->WritesDone(nullptr);
  Await();
}

std::optional<std::string> RawCall::Read() {
  grpc::ByteBuffer message;
  call_->Read(&message, nullptr);
  grpc::Slice slice;
  if (!Await() || !message.DumpToSingleSlice(&slice).ok()) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

grpc::Status RawCall::End() {
  while (Read().has_value()) {
  }
  grpc::Status status;
  call_->Finish(&status, nullptr);
  Await();
  ended_ = true;
  return status;
}

grpc::Status ComputeWithBytes(const std::shared_ptr<grpc::Channel>& channel, const std::string& message) {
  RawCall call(channel, "Compute");
  call.Write(message);
  call.HalfClose();
  return call.End();
}

}  // namespace lossd::testing
