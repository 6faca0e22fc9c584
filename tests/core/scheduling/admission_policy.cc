// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/scheduling/admission_policy.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "server/connections/incoming_messages.h"

namespace lossd::testing {
namespace {

// A connection as the server sees it: what it has brought, and the messages that wait for it.
struct Connection {
  IncomingMessages messages;
  RecentNeeds needs;
  int64_t arrived = 0;
};

// A call on its way through the server, as ComputeCall goes it.
class ServerTicket final : public AdmissionPolicy::Ticket {
 public:
  static constexpr int64_t kLargestMessage = int64_t{256} << 20;

  ServerTicket(Connection& connection, Foresight& foresight, Reservation reservation)
      : connection_(connection),
        foresight_(foresight),
        place_(connection.messages.Begin(connection.arrived,
                                         {kLargestMessage, false, foresight.LikelyNeed(connection.needs), &foresight},
                                         std::move(reservation), {reader_})) {}
  ~ServerTicket() override {
    if (reading_) connection_.messages.End(connection_.arrived, place_, -1);
    if (reservation_.wanted() > 0) foresight_.Note(connection_.needs, reservation_.wanted());
  }

  absl::Status OnProgress(int64_t bytes) override {
    connection_.arrived += bytes - progress_;
    progress_ = bytes;
    if (connection_.arrived >= connection_.messages.WakeAt()) Assign();
    return reader_->refusal;
  }
  absl::Status OnMessage(int64_t bytes) override {
    LOSSD_RETURN_IF_ERROR(OnProgress(bytes));
    reading_ = false;
    reservation_ = connection_.messages.End(connection_.arrived, place_, bytes);
    return reservation_.Resize(bytes);
  }
  absl::Status OnPlan(int64_t bytes) override { return reservation_.Resize(bytes); }

 private:
  struct Reader final : MessageReader {
    void OnMessageRefused(int64_t, absl::Status status) override { refusal = std::move(status); }

    absl::Status refusal;
  };

  void Assign() {
    for (IncomingMessages::Notice& notice : connection_.messages.Assign(connection_.arrived)) {
      notice.message.Refuse(std::move(notice.refusal));
    }
  }

  Connection& connection_;
  Foresight& foresight_;
  const std::shared_ptr<Reader> reader_ = std::make_shared<Reader>();
  IncomingMessages::Place place_;
  Reservation reservation_;
  int64_t progress_ = 0;
  bool reading_ = true;
};

class Server final : public AdmissionPolicy {
 public:
  Server(int64_t max_bytes, int64_t max_calls, Clock& clock)
      : admission_(max_bytes, max_calls, clock), foresight_(admission_, ServerTicket::kLargestMessage) {}

  absl::StatusOr<std::unique_ptr<Ticket>> OnArrival(const ArrivingCall& call) override {
    Connection& connection = connections_[call.connection];
    LOSSD_ASSIGN_OR_RETURN(Reservation reservation, foresight_.ReserveUnread(connection.needs, true, call.now));
    return std::make_unique<ServerTicket>(connection, foresight_, std::move(reservation));
  }
  int64_t held_bytes() const override { return admission_.inflight_bytes(); }

 private:
  Admission admission_;
  Foresight foresight_;
  std::map<std::string, Connection> connections_;
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

std::unique_ptr<AdmissionPolicy> ServerPolicy(int64_t max_bytes, int64_t max_calls, Clock& clock) {
  return std::make_unique<Server>(max_bytes, max_calls, clock);
}

std::unique_ptr<AdmissionPolicy> MeanMessagePolicy(int64_t max_bytes, int64_t max_calls, Clock&) {
  return std::make_unique<MeanMessage>(max_bytes, max_calls);
}

}  // namespace lossd::testing
