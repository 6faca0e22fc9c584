// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/engine_json.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace lossd::bench {
namespace {

std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string TimingJson(const std::optional<Timing>& timing) {
  if (!timing.has_value()) return "null";
  return absl::StrFormat(R"({"min":%.9g,"median":%.9g,"mean":%.9g})", timing->min, timing->median, timing->mean);
}

std::string TorchJson(const TorchTiming& torch) {
  if (!torch.timing.has_value()) return absl::StrFormat(R"({"absent":%s})", Quoted(torch.variant));
  return absl::StrFormat(R"({"min":%.9g,"median":%.9g,"mean":%.9g,"variant":%s})", torch.timing->min,
                         torch.timing->median, torch.timing->mean, Quoted(torch.variant));
}

std::string GoalsJson(const std::vector<GoalVerdict>& verdicts) {
  return absl::StrCat("[",
                      absl::StrJoin(verdicts, ",",
                                    [](std::string* out, const GoalVerdict& verdict) {
                                      absl::StrAppendFormat(out, R"({"goal":%s,"met":%s})", Quoted(verdict.text),
                                                            verdict.met ? "true" : "false");
                                    }),
                      "]");
}

std::string RowJson(const EngineRow& row, const EngineRow* single) {
  return absl::StrCat(
      absl::StrFormat(
          R"({"case":%s,"threads":%d,"lossd":%s,"bound":%s,"bound_by_lossd":%s,"bound_by_torch":%s,"loss_alone":%s,)",
          Quoted(row.name), row.threads, TimingJson(row.lossd), TimingJson(row.bound), TimingJson(row.own_bound),
          TorchJson(row.torch_bound), TimingJson(row.loss)),
      absl::StrFormat(R"("bf16":%s,"bf16_gradient_error":%.3g,"reference":%s,"by_hand":%s,"compiled":%s,)",
                      TimingJson(row.bf16), row.bf16_error, TorchJson(row.reference), TorchJson(row.by_hand),
                      TorchJson(row.compiled)),
      absl::StrFormat(
          R"("bound_flops":%g,"bound_products":%s,"extra_bytes":%d,"allocations":%g,"allocated_bytes":%g,"loss_allocations":%g,"goals":%s})",
          row.bound_flops, Quoted(row.bound_text), row.extra_bytes, row.allocations, row.allocated_bytes,
          row.loss_allocations, GoalsJson(JudgeGoals(row, single))));
}

std::string NeighbourJson(const NeighbourRow& row) {
  return absl::StrFormat(
      R"({"case":%s,"threads":%d,"lossd":%s,"lossd_beside":%s,"reference":%s,"reference_beside":%s})", Quoted(row.name),
      row.threads, TimingJson(row.lossd), TimingJson(row.lossd_beside), TimingJson(row.torch),
      TimingJson(row.torch_beside));
}

}  // namespace

std::string Json(const EngineReport& report) {
  std::vector<std::string> cases, neighbours;
  for (const EngineRow& row : report.rows) cases.push_back(RowJson(row, FindSingle(report.rows, row)));
  for (const NeighbourRow& row : report.neighbours) neighbours.push_back(NeighbourJson(row));
  return absl::StrCat("{\"machine\":", Quoted(report.machine), ",\n\"cases\":[\n", absl::StrJoin(cases, ",\n"),
                      "],\n\"beside_neighbour\":[\n", absl::StrJoin(neighbours, ",\n"), "]}\n");
}

}  // namespace lossd::bench
