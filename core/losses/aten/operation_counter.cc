// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "core/losses/aten/operation_counter.h"

#include <memory>
#include <set>
#include <string_view>
#include <vector>

namespace lossd::aten {
namespace {

// Of what no device hears: memory, and other views of it.
const std::set<std::string, std::less<>>& Silent() {
  static const auto* const names = new std::set<std::string, std::less<>>{
      "aten::alias",          "aten::as_strided",   "aten::detach",     "aten::diagonal",
      "aten::empty",          "aten::new_empty",    "aten::empty_like", "aten::empty_strided",
      "aten::expand",         "aten::movedim",      "aten::narrow",     "aten::permute",
      "aten::_reshape_alias", "aten::_unsafe_view", "aten::resize_",    "aten::select",
      "aten::slice",          "aten::squeeze",      "aten::t",          "aten::transpose",
      "aten::unfold",         "aten::unsqueeze",    "aten::view",       "aten::result_type",
      "aten::is_same_size",   "aten::to",           "aten::contiguous", "aten::reshape",
      "aten::expand_as",      "aten::flatten",      "aten::lift_fresh", "aten::_has_compatible_shallow_copy_type",
      "aten::unbind",         "aten::view_as",      "aten::set_"};
  return *names;
}

// Of what a host waits for. `to` with a device, wherever that is.
const std::set<std::string, std::less<>>& Waiting() {
  static const auto* const names = new std::set<std::string, std::less<>>{
      "aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select",   "aten::_unique2",
      "aten::is_nonzero",          "aten::equal",   "aten::to.dtype_layout", "aten::to.device"};
  return *names;
}

std::string_view WithoutOverload(std::string_view name) { return name.substr(0, name.find('.')); }

// Products of groups, one launch on a card: the processor may make them of one product a group.
bool IsProduct(std::string_view name) {
  name = WithoutOverload(name);
  return name == "aten::bmm" || name == "aten::baddbmm" || name == "aten::baddbmm_";
}

// The counters of this thread, outermost first, and the operations begun while there were any.
thread_local std::vector<OperationCounter*> counters;
thread_local int64_t operations_begun = 0;
thread_local int products_begun = 0;  // And not ended.

}  // namespace

struct Observation final : public at::ObserverContext {
  int64_t begun = 0;  // Operations up to this one.

  static std::unique_ptr<at::ObserverContext> Begin(const at::RecordFunction& function) {
    auto observation = std::make_unique<Observation>();
    if (IsProduct(function.name())) ++products_begun;
    observation->begun = ++operations_begun;
    return observation;
  }

  static void End(const at::RecordFunction& function, at::ObserverContext* context) {
    if (context == nullptr) return;
    const auto name = function.operator_name();
    if (!name.has_value()) return;
    const std::string full = name->overload_name.empty() ? name->name : name->name + "." + name->overload_name;
    const bool product = IsProduct(full);
    if (product) --products_begun;
    if (products_begun > 0) return;
    const bool leaf = product || static_cast<Observation*>(context)->begun == operations_begun;
    const bool waits = Waiting().count(full) > 0 || Waiting().count(name->name) > 0;
    if (!waits && (!leaf || Silent().count(name->name) > 0)) return;
    for (OperationCounter* counter : counters) ++counter->by_name_[full];
  }
};

void CountLaunch(const char* name) {
  for (OperationCounter* counter : counters) ++counter->by_name_[name];
}

OperationCounter::OperationCounter() {
  if (counters.empty()) {
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&Observation::Begin, &Observation::End).scopes({at::RecordScope::FUNCTION}));
  }
  counters.push_back(this);
}

OperationCounter::~OperationCounter() {
  counters.pop_back();
  if (counters.empty()) at::removeCallback(handle_);
}

int64_t OperationCounter::launches() const {
  int64_t count = 0;
  for (const auto& [name, calls] : by_name_) {
    if (Waiting().count(name) == 0 && Waiting().count(WithoutOverload(name)) == 0) count += calls;
  }
  return count;
}

int64_t OperationCounter::synchronizations() const {
  int64_t count = 0;
  for (const auto& [name, calls] : by_name_) {
    if (Waiting().count(name) > 0 || Waiting().count(WithoutOverload(name)) > 0) count += calls;
  }
  return count;
}

}  // namespace lossd::aten
