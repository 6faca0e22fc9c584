// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// The flags that say what load to make.

#ifndef LOSSD_CLIENT_CLI_LOAD_FLAGS_H_
#define LOSSD_CLIENT_CLI_LOAD_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/load_values.h"
#include "client/cli/loss_flags.h"
#include "client/cli/parser_types.h"
#include "client/load/load_run.h"

namespace lossd::cli {

// The request's flags: loss and inputs. Not thread-safe, but once parsed any thread may read.
class LoadRequestFlags {
 public:
  // Adds them to `app`, whose parser fills this, which outlives the parsing. Once.
  void Declare(CLI::App& app);
  // A request with random inputs of at most `max_bytes` where no files are given, and a seed where the server would
  // draw. Owns its inputs. Sets `what` to it in words, for the report. After the parsing. A UsageError naming the flag
  // where flags contradict each other, a file cannot be read, or random inputs would be larger than that.
  absl::StatusOr<client::ComputeRequest> Request(int64_t max_bytes, std::string& what) const;
  // That random inputs are drawn with.
  uint64_t seed() const { return seed_; }

 private:
  absl::StatusOr<std::vector<Tensor>> Inputs(const client::LossSpec& loss, int64_t max_bytes) const;

  LossFlags loss_;
  std::vector<std::string> inputs_;
  std::string shape_;
  std::string dtype_ = "float32";
  int maps_ = 2;
  const CLI::Option* maps_option_ = nullptr;
  bool no_gradients_ = false;
  uint64_t seed_ = 0;
};

// The load's flags: levels, measuring, objectives, chaos. Not thread-safe, but once parsed any thread may read.
class LoadShapeFlags {
 public:
  // Adds them to `app`, whose parser fills this, which outlives the parsing. Once.
  void Declare(CLI::App& app);
  // Fills everything of `plan` that is not the request or the connection. After the parsing. A UsageError naming the
  // flag where one cannot be read, is out of range, or goes with the other kind of loop; `plan` is then of no use.
  absl::Status Fill(load::LoadPlan& plan) const;

 private:
  // Each declares a part of the flags under the heading `group` of --help.
  void DeclareLoad(CLI::App& app, const std::string& group);
  void DeclareConnections(CLI::App& app, const std::string& group);
  void DeclareMeasuring(CLI::App& app, const std::string& group);
  void DeclareObjectives(CLI::App& app, const std::string& group);
  // Refuses what belongs to the other kind of loop.
  absl::Status CheckLoop(bool open, const Sweep& sweep) const;
  absl::Status FillLevels(load::LoadPlan& plan) const;
  absl::Status AddRamp(const Sweep& sweep, load::Level level, load::LoadPlan& plan) const;
  absl::Status FillMeasure(load::MeasureOptions& measure) const;
  absl::Status FillObjectives(load::LoadPlan& plan) const;

  std::vector<const CLI::Option*> of_open_loops_;
  const CLI::Option* of_closed_loops_ = nullptr;
  std::string concurrency_;
  std::string rate_;
  std::string arrivals_ = "constant";
  int64_t max_outstanding_ = load::Level().max_outstanding;
  std::string when_full_ = "skip";
  std::string when_refused_ = "wait";
  int connections_ = 1;
  int threads_ = 1;
  bool stream_ = false;
  std::vector<std::string> headers_;
  std::string warmup_ = "1s";
  std::string window_ = "1s";
  std::string duration_;
  int64_t calls_ = 0;
  int stable_windows_ = load::MeasureOptions().stable_windows;
  int max_windows_ = load::MeasureOptions().max_windows;
  std::string stability_ = "10%";
  bool find_max_ = false;
  std::string slo_p50_, slo_p90_, slo_p99_, slo_p999_;
  std::string max_error_rate_ = "0.1%";
  std::string chaos_;
  int64_t verify_ = 0;
  std::string metrics_url_;
};

}  // namespace lossd::cli

#endif  // LOSSD_CLIENT_CLI_LOAD_FLAGS_H_
