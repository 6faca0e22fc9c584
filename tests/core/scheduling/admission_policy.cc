// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/scheduling/admission_policy.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/status/errors.h"
#include "core/status/status_macros.h"

namespace lossd::testing {
namespace {

class ServerTicket final : public AdmissionPolicy::Ticket {
 public:
  explicit ServerTicket(Reservation reservation) : reservation_(std::move(reservation)) {}
  absl::Status OnMessage(int64_t bytes) override { return reservation_.Resize(bytes); }
  absl::Status OnPlan(int64_t bytes) override { return reservation_.Resize(bytes); }

 private:
  Reservation reservation_;
};

class Server final : public AdmissionPolicy {
 public:
  Server(int64_t max_bytes, int64_t max_calls) : admission_(max_bytes, max_calls) {}

  absl::StatusOr<std::unique_ptr<Ticket>> OnArrival(const ArrivingCall&) override {
    LOSSD_ASSIGN_OR_RETURN(Reservation reservation, admission_.ReserveUnread());
    return std::make_unique<ServerTicket>(std::move(reservation));
  }
  int64_t held_bytes() const override { return admission_.inflight_bytes(); }

 private:
  Admission admission_;
};

class MeanMessage final : public AdmissionPolicy {
 public:
  MeanMessage(int64_t max_bytes, int64_t max_calls) : max_bytes_(max_bytes), max_calls_(max_calls) {}

  absl::StatusOr<std::unique_ptr<Ticket>> OnArrival(const ArrivingCall&) override {
    const int64_t guess = std::clamp<int64_t>(static_cast<int64_t>(mean_), 1, max_bytes_ / 2);
    if (calls_ >= max_calls_) return Refusal();
    LOSSD_RETURN_IF_ERROR(Take(guess));
    ++calls_;
    return std::make_unique<Share>(*this, guess);
  }
  int64_t held_bytes() const override { return held_; }

 private:
  class Share final : public Ticket {
   public:
    Share(MeanMessage& policy, int64_t bytes) : policy_(policy), bytes_(bytes) {}
    ~Share() override {
      policy_.held_ -= bytes_;
      --policy_.calls_;
    }
    absl::Status OnMessage(int64_t bytes) override {
      policy_.mean_ += (static_cast<double>(bytes) - policy_.mean_) / 16;
      return OnPlan(bytes);
    }
    absl::Status OnPlan(int64_t bytes) override {
      LOSSD_RETURN_IF_ERROR(policy_.Take(bytes - bytes_));
      bytes_ = bytes;
      return absl::OkStatus();
    }

   private:
    MeanMessage& policy_;
    int64_t bytes_;
  };

  static absl::Status Refusal() {
    return LimitExceeded({RejectReason::kInflightBytes, "--max_inflight_bytes", "no room", Admission::kRetryDelay});
  }
  absl::Status Take(int64_t bytes) {
    if (bytes > max_bytes_ - held_) return Refusal();
    held_ += bytes;
    return absl::OkStatus();
  }

  const int64_t max_bytes_;
  const int64_t max_calls_;
  int64_t held_ = 0;
  int64_t calls_ = 0;
  double mean_ = 0;
};

}  // namespace

std::unique_ptr<AdmissionPolicy> ServerPolicy(int64_t max_bytes, int64_t max_calls) {
  return std::make_unique<Server>(max_bytes, max_calls);
}

std::unique_ptr<AdmissionPolicy> MeanMessagePolicy(int64_t max_bytes, int64_t max_calls) {
  return std::make_unique<MeanMessage>(max_bytes, max_calls);
}

}  // namespace lossd::testing
