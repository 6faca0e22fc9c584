// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/scheduling/admission_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status/errors.h"

namespace lossd::testing {
namespace {

constexpr double kPiece = 1 << 20;  // Of a message: what a server learns late.
constexpr double kNothing = 1e-6;   // Of a byte or a second, left over by rounding.

}  // namespace

std::string Describe(const ModelResult& result) {
  return absl::StrFormat(
      "%.2f answers/s, %.2f of the bytes read in vain, refused %d unread, %d while and %d after they were read, reset "
      "%d, held %.0f MB and "
      "resident %.0f MB at most",
      result.goodput(), result.vain_share(), result.refused_unread, result.refused_reading, result.refused_read,
      result.reset, static_cast<double>(result.peak_held) / 1e6, static_cast<double>(result.peak_resident) / 1e6);
}

AdmissionModel::AdmissionModel(const ModelOptions& options, AdmissionPolicy& policy, SimulatedClock* clock)
    : options_(options), policy_(policy), clock_(clock), random_(options.seed) {
  if (options.arrivals_per_second.has_value()) {
    starts_.push({0, 0});
  } else {
    for (int client = 0; client < options.clients; ++client) starts_.push({0.01 * Jitter(), client});
  }
}

ModelResult AdmissionModel::Run(absl::Duration warmup, absl::Duration length) {
  const double warm = now_ + absl::ToDoubleSeconds(warmup), end = warm + absl::ToDoubleSeconds(length);
  bool measured = false;
  while (now_ < end) {
    if (!measured && now_ >= warm) {
      measured = true;
      result_ = ModelResult();
    }
    const double limit = measured ? end : warm;
    Pass(std::min(NextEvent(), limit - now_));
    Progress();
    NotePeaks();
    while (FinishOne()) {
    }
    while (!starts_.empty() && starts_.top().at <= now_) {
      const Start start = starts_.top();
      starts_.pop();
      Begin(start);
    }
    ResetBeyondTheQuota();
  }
  result_.length = length;
  return result_;
}

void AdmissionModel::Begin(const Start& start) {
  Start next = start;
  if (options_.arrivals_per_second.has_value()) {
    next.at += std::exponential_distribution<double>(*options_.arrivals_per_second)(random_);
    next.client = (start.client + 1) % options_.clients;
    starts_.push(next);
  }
  Call call;
  call.client = start.client;
  call.shape = options_.next(start.client, random_);
  call.weight = Jitter();
  Ask(calls_.insert(calls_.end(), std::move(call)));
}

void AdmissionModel::Ask(Calls::iterator call) {
  const int connection = options_.connections > 0 ? call->client % options_.connections : call->client;
  auto ticket = policy_.OnArrival({absl::StrCat("client ", connection), call->shape.loss, call->shape.message_bytes,
                                   absl::UnixEpoch() + absl::Seconds(now_)});
  if (!ticket.ok()) {
    ++result_.refused_unread;
    return Refuse(call, ticket.status());
  }
  if (*ticket == nullptr) return;  // It waits.
  call->ticket = *std::move(ticket);
  call->stage = Stage::kReading;
  call->left = static_cast<double>(call->shape.message_bytes);
  reading_ += call->weight;
}

void AdmissionModel::AskThoseThatWait() {
  for (auto call = calls_.begin(); call != calls_.end();) {
    const auto each = call++;
    if (each->stage == Stage::kAsking) Ask(each);
  }
}

void AdmissionModel::OnMessage(Calls::iterator call) {
  reading_ -= call->weight;
  result_.read_bytes += call->shape.message_bytes;
  absl::Status status = call->ticket->OnMessage(call->shape.message_bytes);
  if (status.ok()) status = call->ticket->OnPlan(call->shape.plan_bytes);
  if (!status.ok()) {
    ++result_.refused_read;
    result_.vain_bytes += call->shape.message_bytes;
    return Refuse(call, status);
  }
  call->stage = Stage::kQueued;
  StartWorkers();
}

// Tells the policy what has come since it was told last.
void AdmissionModel::Progress() {
  for (auto call = calls_.begin(); call != calls_.end();) {
    const auto each = call++;
    if (each->stage != Stage::kReading) continue;
    const absl::Status status = each->ticket->OnProgress(static_cast<int64_t>(each->taken));
    if (status.ok()) continue;
    ++result_.refused_reading;
    result_.read_bytes += static_cast<int64_t>(each->taken);
    result_.vain_bytes += static_cast<int64_t>(each->taken);
    reading_ -= each->weight;
    Refuse(each, status);
    call = calls_.begin();  // Others may have come in, and gone.
  }
}

void AdmissionModel::Refuse(Calls::iterator call, const absl::Status& status) {
  double delay = absl::ToDoubleSeconds(options_.round_trip);
  const auto limit = GetLimitViolation(status);
  if (options_.honours_pushback && limit.has_value() && limit->retry_delay.has_value()) {
    delay = absl::ToDoubleSeconds(*limit->retry_delay);
  }
  End(call, delay * Jitter());
}

void AdmissionModel::End(Calls::iterator call, double next_delay) {
  if (!options_.arrivals_per_second.has_value()) starts_.push({now_ + next_delay, call->client});
  const bool was_in = call->ticket != nullptr;
  calls_.erase(call);
  if (was_in) AskThoseThatWait();
}

void AdmissionModel::StartWorkers() {
  for (Call& call : calls_) {
    if (computing_ == options_.workers) return;
    if (call.stage != Stage::kQueued) continue;
    call.stage = Stage::kComputing;
    call.left = absl::ToDoubleSeconds(call.shape.compute);
    ++computing_;
  }
}

// As gRPC does: it ends calls until what has arrived of messages is within its quota.
void AdmissionModel::ResetBeyondTheQuota() {
  while (true) {
    double arrived = 0;
    auto largest = calls_.end();
    for (auto call = calls_.begin(); call != calls_.end(); ++call) {
      if (call->stage != Stage::kReading) continue;
      arrived += call->taken;
      if (largest == calls_.end() || call->taken > largest->taken) largest = call;
    }
    if (arrived <= static_cast<double>(options_.transport_bytes)) return;
    ++result_.reset;
    result_.read_bytes += static_cast<int64_t>(largest->taken);
    result_.vain_bytes += static_cast<int64_t>(largest->taken);
    reading_ -= largest->weight;
    End(largest, absl::ToDoubleSeconds(options_.round_trip) * Jitter());
  }
}

double AdmissionModel::Rate(const Call& call) const {
  if (call.stage == Stage::kComputing) return 1;
  const double sharing = call.stage == Stage::kReading ? reading_ : call.stage == Stage::kAnswering ? answering_ : 0;
  if (sharing <= 0) return 0;
  const double share = options_.link_bytes_per_second * call.weight / sharing;
  return call.shape.bytes_per_second > 0 ? std::min(share, call.shape.bytes_per_second) : share;
}

double AdmissionModel::NextEvent() const {
  double next = starts_.empty() ? std::numeric_limits<double>::infinity() : starts_.top().at - now_;
  double quota = 0;
  for (const Call& call : calls_) {
    const double rate = Rate(call);
    if (rate > 0) next = std::min(next, call.left / rate);
    if (rate > 0 && call.stage == Stage::kReading && call.left > kPiece) next = std::min(next, kPiece / rate);
    if (call.stage == Stage::kReading) quota += call.taken;
  }
  const double room = static_cast<double>(options_.transport_bytes) - quota;
  if (room > 0) next = std::min(next, room / options_.link_bytes_per_second + kNothing);
  return std::max(next, 0.0);
}

void AdmissionModel::Pass(double seconds) {
  now_ += seconds;
  if (clock_ != nullptr) clock_->AdvanceTime(absl::Seconds(seconds));
  for (Call& call : calls_) {
    const double passed = Rate(call) * seconds;
    call.left -= passed;
    if (call.stage == Stage::kReading) call.taken += passed;
  }
}

// Whether there was a call that was through with something.
bool AdmissionModel::FinishOne() {
  const auto through = [this](const Call& call) { return Rate(call) > 0 && call.left / Rate(call) <= kNothing; };
  const auto call = std::find_if(calls_.begin(), calls_.end(), through);
  if (call == calls_.end()) return false;
  if (call->stage == Stage::kReading) {
    OnMessage(call);
  } else if (call->stage == Stage::kComputing) {
    --computing_;
    answering_ += call->weight;
    call->stage = Stage::kAnswering;
    call->left = static_cast<double>(call->shape.answer_bytes);
    StartWorkers();
  } else {
    answering_ -= call->weight;
    ++result_.answered;
    result_.answered_bytes += call->shape.message_bytes;
    End(call, absl::ToDoubleSeconds(options_.round_trip) * Jitter());
  }
  return true;
}

void AdmissionModel::NotePeaks() {
  double resident = 0;
  for (const Call& call : calls_) {
    const bool planned = call.stage > Stage::kReading;
    resident += planned ? static_cast<double>(call.shape.plan_bytes) : call.taken;
  }
  result_.peak_resident = std::max(result_.peak_resident, static_cast<int64_t>(resident));
  result_.peak_held = std::max(result_.peak_held, policy_.held_bytes());
}

}  // namespace lossd::testing
