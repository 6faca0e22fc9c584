// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "server/settings/flag.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status/number_text.h"
#include "core/status/status_macros.h"
#include "server/settings/listen_address.h"
#include "server/settings/sizes.h"

namespace lossd {
namespace {

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", text, "\""); }

// Reads a text into the setting of a kind of flag.
struct Setter {
  const Flag& flag;
  const std::string text;
  CommandLine& line;

  absl::Status operator()(const AddressesFlag& kind) const {
    std::vector<std::string> addresses;
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      const absl::string_view address = absl::StripAsciiWhitespace(part);
      if (!address.empty()) addresses.emplace_back(address);
    }
    line.options.*kind.member = std::move(addresses);
    return absl::OkStatus();
  }

  absl::Status operator()(const TextFlag& kind) const {
    line.options.*kind.member = text;
    return absl::OkStatus();
  }

  absl::Status operator()(const BytesFlag& kind) const {
    const auto bytes = ParseBytes(text);
    if (!bytes.has_value()) return BadFlag(flag.name, "bytes, such as 268435456 or 256MiB", Quoted(text));
    line.options.*kind.member = *bytes;
    return absl::OkStatus();
  }

  absl::Status operator()(const CountFlag& kind) const {
    if (absl::SimpleAtoi(text, &(line.options.*kind.member))) return absl::OkStatus();
    return BadFlag(flag.name, "an integer", Quoted(text));
  }

  absl::Status operator()(const NumberFlag& kind) const {
    if (absl::SimpleAtod(text, &(line.options.*kind.member))) return absl::OkStatus();
    return BadFlag(flag.name, "a number", Quoted(text));
  }

  absl::Status operator()(const DurationFlag& kind) const {
    if (absl::ParseDuration(text, &(line.options.*kind.member))) return absl::OkStatus();
    double number = 0;
    return BadFlag(flag.name, "a duration with its unit, such as 10s, 500ms or 1m30s",
                   absl::StrCat(Quoted(text), absl::SimpleAtod(text, &number) ? ", which has none" : ""));
  }

  absl::Status operator()(const ActionFlag& kind) const {
    bool asked = false;
    if (!absl::SimpleAtob(text, &asked)) return BadFlag(flag.name, "true or false", Quoted(text));
    if (asked) {
      line.actions.insert(kind.action);
    } else {
      line.actions.erase(kind.action);
    }
    return absl::OkStatus();
  }
};

// Looks whether the setting of a kind of flag is in range.
struct Checker {
  const Flag& flag;
  const ServerOptions& options;

  absl::Status operator()(const AddressesFlag& kind) const {
    for (const std::string& text : options.*kind.member) {
      const auto address = ParseListenAddress(text);
      if (!address.ok()) {
        return absl::InvalidArgumentError(absl::StrCat("--", flag.name, ": ", address.status().message()));
      }
      if (address->is_unix() && !kind.unix_allowed) return BadFlag(flag.name, "host:port", Quoted(text));
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const TextFlag& kind) const {
    const std::string& value = options.*kind.member;
    if (kind.choices.empty() || std::find(kind.choices.begin(), kind.choices.end(), value) != kind.choices.end()) {
      return absl::OkStatus();
    }
    return BadFlag(flag.name, absl::StrCat("one of ", absl::StrJoin(kind.choices, ", ")), Quoted(value));
  }

  absl::Status operator()(const BytesFlag& kind) const {
    return CheckRange(options.*kind.member, "", kind.least, kind.most, " bytes");
  }

  absl::Status operator()(const CountFlag& kind) const {
    return CheckRange(options.*kind.member, "an integer from ", kind.least, kind.most, "");
  }

  absl::Status operator()(const NumberFlag& kind) const {
    const double value = options.*kind.member;
    if (value > 0) return absl::OkStatus();  // False for NaN.
    return BadFlag(flag.name, "a number above 0", RoundTripText(value));
  }

  absl::Status operator()(const DurationFlag& kind) const {
    const absl::Duration value = options.*kind.member;
    if (value >= kind.least && value <= kind.most) return absl::OkStatus();
    if (kind.or_zero && value == absl::ZeroDuration()) return absl::OkStatus();
    const std::string most =
        kind.most == absl::InfiniteDuration() ? "" : " and at most " + absl::FormatDuration(kind.most);
    return BadFlag(flag.name,
                   absl::StrCat(kind.or_zero ? "0s or " : "", "a duration of at least ",
                                kind.least == absl::ZeroDuration() ? "0s" : absl::FormatDuration(kind.least), most),
                   absl::FormatDuration(value));
  }

  absl::Status operator()(const ActionFlag&) const { return absl::OkStatus(); }

 private:
  absl::Status CheckRange(int64_t value, absl::string_view what, int64_t least, int64_t most,
                          absl::string_view unit) const {
    if (value >= least && value <= most) return absl::OkStatus();
    return BadFlag(flag.name, absl::StrCat(what, least, " to ", most, unit), absl::StrCat(value));
  }
};

struct Reader {
  const ServerOptions& options;

  FlagValue operator()(const ActionFlag&) const { return std::string(); }
  FlagValue operator()(const DurationFlag& kind) const { return absl::FormatDuration(options.*kind.member); }
  template <typename Kind>
  FlagValue operator()(const Kind& kind) const {
    return options.*kind.member;
  }
};

struct Printer {
  std::string operator()(const std::vector<std::string>& value) const { return absl::StrJoin(value, ","); }
  std::string operator()(double value) const { return RoundTripText(value); }
  template <typename Value>
  std::string operator()(const Value& value) const {
    return absl::StrCat(value);
  }
};

}  // namespace

absl::Status BadFlag(absl::string_view flag, absl::string_view expected, absl::string_view got) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": expected ", expected, ", got ", got));
}

bool IsSwitch(const Flag& flag) { return std::holds_alternative<ActionFlag>(flag.kind); }

absl::Status SetFlag(const Flag& flag, absl::string_view text, CommandLine& command_line) {
  return std::visit(Setter{flag, std::string(text), command_line}, flag.kind);
}

absl::Status CheckFlag(const Flag& flag, const ServerOptions& options) {
  return std::visit(Checker{flag, options}, flag.kind);
}

FlagValue ValueOf(const Flag& flag, const ServerOptions& options) { return std::visit(Reader{options}, flag.kind); }

std::string FlagText(const Flag& flag, const ServerOptions& options) {
  if (const auto* const kind = std::get_if<BytesFlag>(&flag.kind)) return BytesText(options.*kind->member);
  return std::visit(Printer(), ValueOf(flag, options));
}

}  // namespace lossd
