// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include <utility>

#include "client/load/caller.h"
#include "client/load/stream_session.h"

namespace lossd::load {
namespace {

class StreamCaller : public Caller {
 public:
  StreamCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue, const CallContext& context)
      : stub_(std::move(channel)), queue_(queue), context_(context) {}

  ~StreamCaller() override {
    absl::MutexLock lock(&mu_);
    if (session_ != nullptr) session_->Close();
  }

  void Start(absl::Time intended, Done done) override {
    absl::MutexLock lock(&mu_);
    while (session_ == nullptr || !session_->Send(intended, done)) {
      session_ = std::make_shared<StreamSession>(context_);
      session_->Open(stub_, queue_);
      if (withdrawn_) session_->Withdraw();
    }
  }

  void Withdraw() override {
    absl::MutexLock lock(&mu_);
    withdrawn_ = true;
    if (session_ != nullptr) session_->Withdraw();
  }

 private:
  grpc::GenericStub stub_;
  grpc::CompletionQueue* const queue_;
  const CallContext& context_;
  absl::Mutex mu_;
  bool withdrawn_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<StreamSession> session_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

std::unique_ptr<Caller> MakeStreamCaller(std::shared_ptr<grpc::Channel> channel, grpc::CompletionQueue* queue,
                                         const CallContext& context) {
  return std::make_unique<StreamCaller>(std::move(channel), queue, context);
}

}  // namespace lossd::load
