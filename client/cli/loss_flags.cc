// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/loss_flags.h"

#include <CLI/App.hpp>
#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "client/cli/field_text.h"
#include "client/cli/subcommand.h"
#include "core/status/status_macros.h"
#include "google/protobuf/util/json_util.h"
#include "proto/wire/loss_messages.h"

namespace lossd::cli {
namespace {

template <typename T>
struct IsChoice : std::false_type {};
template <typename... T>
struct IsChoice<std::variant<T...>> : std::true_type {};

template <typename T>
struct Unwrapped {
  using Type = T;
};
template <typename T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};

// Whether a field is a message with fields of its own.
template <typename T>
concept Message = requires(T& value) {
  T::Fields(value, [](auto&&...) {});
};

// "nt_xent, sup_con or cpc"
std::string ListOf(const std::vector<std::string>& names) {
  const auto last = names.end() - 1;
  if (names.size() == 1) return *last;
  return absl::StrCat(absl::StrJoin(names.begin(), last, ", "), " or ", *last);
}

std::string AllLosses() { return ListOf({kLossNames.begin(), kLossNames.end()}); }

// Calls visit(flag, field, help) for every plain field of a configuration. Fields of nested messages have the message's
// name in front; those of a choice have not, and a lone field `values` is named as its message.
template <typename Config, typename Visit>
void ForEachFlag(Config& config, const Visit& visit) {
  Config::Fields(config, [&](absl::string_view name, auto& field, absl::string_view help) {
    using Field = typename Unwrapped<std::decay_t<decltype(field)>>::Type;
    if constexpr (IsChoice<Field>::value) {
      const auto visit_alternative = [&]<typename T>(std::in_place_type_t<T>) {
        if constexpr (Message<T>) {
          T fields{};
          if (const T* held = std::get_if<T>(&field)) fields = *held;
          bool given = false;
          T::Fields(fields, [&](absl::string_view inner, auto& value, absl::string_view inner_help) {
            const std::string flag = FlagNameOf(inner == "values" ? T::kName : inner);
            if (visit(flag, value, inner_help)) given = true;
          });
          if (given) field = fields;
        }
      };
      [&]<typename... T>(std::variant<T...>*) {
        (visit_alternative(std::in_place_type<T>), ...);
      }(static_cast<Field*>(nullptr));
    } else if constexpr (Message<Field>) {
      Field fields = field.value_or(Field());
      bool given = false;
      Field::Fields(fields, [&](absl::string_view inner, auto& value, absl::string_view inner_help) {
        if (visit(FlagNameOf(absl::StrCat(name, "_", inner)), value, inner_help)) given = true;
      });
      if (given) field = fields;
    } else {
      visit(FlagNameOf(name), field, help);
    }
  });
}

// What protobuf says of JSON that it cannot read, in one line. Of syntax it tells in three: what is wrong, a part of
// the text, and a caret below the place.
std::string InOneLine(absl::string_view text) {
  const size_t first = text.find('\n'), last = text.rfind('\n');
  if (first == last || !absl::EndsWith(text, "^")) return absl::StrReplaceAll(text, {{"\n", " "}});
  const absl::string_view problem = absl::StripSuffix(text.substr(0, first), ".");
  absl::string_view part = text.substr(first + 1, last - first - 1);
  part.remove_prefix(std::min(part.size(), text.size() - last - 2));  // As many as there are spaces before the caret.
  part = absl::StripAsciiWhitespace(part);
  part = part.substr(0, part.find('\n'));
  return absl::StrCat("no JSON: ", problem, part.empty() ? ", at the end" : absl::StrCat(", at '", part, "'"));
}

}  // namespace

bool LossFlags::Flag::given() const { return option != nullptr && option->count() > 0; }

void LossFlags::CollectFlags() {
  for (size_t i = 0; i < kLossCount; ++i) {
    LossConfig config = DefaultLossConfig(i);
    std::visit(
        [&](auto& fields) {
          ForEachFlag(fields, [&](const std::string& name, auto& field, absl::string_view help) {
            Flag& flag = flags_[name];
            flag.help = std::string(help);
            flag.losses.emplace_back(kLossNames[i]);
            flag.defaults.push_back(TextOf(field));
            return false;
          });
        },
        config);
  }
}

void LossFlags::Declare(CLI::App& app) {
  app.add_option("--loss", loss_, absl::StrCat("The loss: ", AllLosses()));
  app.add_option("--config", config_,
                 "The loss and its configuration as JSON, instead of the flags below:\n"
                 R"({"nt_xent": {"temperature": 0.1}}, or @FILE)");
  CollectFlags();
  for (auto& [name, flag] : flags_) {
    const bool alike = std::all_of(flag.defaults.begin(), flag.defaults.end(),
                                   [&, &first = flag.defaults[0]](const std::string& text) { return text == first; });
    std::string help = flag.help;
    if (!alike || !flag.defaults[0].empty()) {
      absl::StrAppend(&help, " [", alike ? flag.defaults[0] : absl::StrJoin(flag.defaults, ", "), "]");
    }
    flag.option = app.add_option(name, flag.value, help)->group(absl::StrJoin(flag.losses, ", "));
  }
}

absl::Status LossFlags::CheckFlagsBelong(absl::string_view loss) const {
  for (const auto& [name, flag] : flags_) {
    if (flag.given() && std::find(flag.losses.begin(), flag.losses.end(), loss) == flag.losses.end()) {
      return UsageError(absl::StrCat(name, ": belongs to ", ListOf(flag.losses), ", not to ", loss));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<client::LossSpec> LossFlags::Spec() const {
  if (!config_.empty()) {
    if (!loss_.empty()) return UsageError("--config: expected without --loss");
    LOSSD_RETURN_IF_ERROR(CheckFlagsBelong("--config"));
    if (config_.front() != '@') return LossSpecFromJson(config_);
    LOSSD_ASSIGN_OR_RETURN(const std::string text, ReadFlagFile("--config", config_.substr(1)));
    return LossSpecFromJson(text);
  }
  LOSSD_RETURN_IF_ERROR(CheckFlagsBelong(loss_.empty() ? "any loss without --loss" : loss_));
  const auto found = std::find(kLossNames.begin(), kLossNames.end(), loss_);
  if (found == kLossNames.end()) {
    return UsageError(absl::StrCat("--loss: expected ", AllLosses(), ", got ",
                                   loss_.empty() ? "none" : absl::StrCat("'", loss_, "'")));
  }
  LossConfig config = DefaultLossConfig(static_cast<size_t>(found - kLossNames.begin()));
  if (flags_.at("--positions").given()) {
    for (const char* other : {"--torch-seed", "--numpy-seed", "--torch-skip", "--numpy-skip"}) {
      if (flags_.at(other).given()) return UsageError(absl::StrCat("--positions: expected without ", other));
    }
  }
  absl::Status status;
  const auto read = [&](const std::string& name, auto& field, absl::string_view) {
    const Flag& flag = flags_.at(name);
    if (!flag.given()) return false;
    const std::string expected = ReadText(flag.value, field);
    if (!expected.empty()) status = UsageError(absl::StrCat(name, ": expected ", expected, ", got '", flag.value, "'"));
    return true;
  };
  std::visit([&](auto& fields) { ForEachFlag(fields, read); }, config);
  if (!status.ok()) return status;
  return client::OrNone(config);
}

absl::StatusOr<client::LossSpec> LossSpecFromJson(const std::string& json) {
  v1::LossSpec message;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &message);
  if (!status.ok()) return UsageError(absl::StrCat("--config: ", InOneLine(std::string(status.message()))));
  const absl::StatusOr<LossConfig> config = wire::ToLossConfig(message);
  if (!config.ok()) return UsageError(absl::StrCat("--config: ", config.status().message()));
  return client::OrNone(*config);
}

}  // namespace lossd::cli
