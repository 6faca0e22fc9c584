// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/core/losses/numerics/search_configs.h"

#include <cmath>
#include <limits>
#include <optional>
#include <type_traits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lossd::testing {
namespace {

template <typename T>
concept HasFields = requires(T& value) {
  T::Fields(value, [](absl::string_view, auto&, absl::string_view) {});
};

class FieldDrawer {
 public:
  FieldDrawer(GeneReader& reader, const std::function<bool()>& is_taken) : reader_(reader), is_taken_(is_taken) {}

  template <typename Field>
  void operator()(absl::string_view, Field& field, absl::string_view) {
    const Field before = field;
    Draw(field);
    if (!is_taken_()) field = before;
  }

 private:
  void Draw(bool& field) { field = reader_.Is(0.5); }
  void Draw(double& field) {
    const double kind = reader_.Next();
    const double size = reader_.Next();
    if (kind > 0.4) field = NumberBeside(field, (kind - 0.4) / 0.6, size);
  }
  void Draw(std::optional<double>& field) {
    const double kind = reader_.Next();
    const double size = reader_.Next();
    if (kind > 0.4) field = NumberBeside(0, (kind - 0.4) / 0.6, size);
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void Draw(Enum& field) { field = static_cast<Enum>(1 + reader_.Below(NamesOf(field).size())); }
  template <HasFields Part>
  void Draw(std::optional<Part>& field) {
    if (reader_.Is(0.4)) field.emplace();
    Part part;
    Part::Fields(part, [this](absl::string_view, auto& inner, absl::string_view) { Draw(inner); });
    if (field.has_value()) field = part;
  }
  // Names, lists and draws are what they are by default.
  template <typename Field>
  void Draw(Field&) {}

  // Nothing, a share, or a number about as large as the usual one, seldom of the other sign.
  static double NumberBeside(double usual, double kind, double size) {
    if (kind < 0.15) return 0;
    if (kind < 0.4) return size;
    const double scale = usual == 0 ? 1 : usual;
    return scale * std::exp(std::log(100.0) * (2 * size - 1)) * (kind < 0.85 ? 1 : -1);
  }

  GeneReader& reader_;
  const std::function<bool()>& is_taken_;
};

// Clips below 0.5 of scores that saturate are left out (docs/losses.md).
void DrawMaps(GeneReader& reader, FeatureMapContrastiveConfig& config) {
  constexpr double kBare = std::numeric_limits<double>::infinity();
  const double kind = reader.Next();
  const double tclip = reader.Log(1, 1e6);
  config.tclip = kind < 0.4 ? 10 : kind < 0.6 ? kBare : tclip;
  const double weight = reader.Log(0.01, 100);
  if (reader.Is(0.2)) config.loss_weights = {reader.Is(0.8) ? weight : -weight};
}

}  // namespace

void DrawConfig(GeneReader& reader, const std::function<bool()>& is_taken, LossConfig& config) {
  std::visit([&](auto& one) { std::decay_t<decltype(one)>::Fields(one, FieldDrawer(reader, is_taken)); }, config);
  if (auto* maps = std::get_if<FeatureMapContrastiveConfig>(&config)) DrawMaps(reader, *maps);
}

std::string TextOfConfig(const LossConfig& config) {
  std::string text;
  const auto append = [&text](const auto& self, absl::string_view name, const auto& value) -> void {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (std::is_arithmetic_v<Value>) {
      absl::StrAppend(&text, " ", name, "=", value);
    } else if constexpr (std::is_enum_v<Value>) {
      absl::StrAppend(&text, " ", name, "=", NamesOf(value)[static_cast<size_t>(value) - 1]);
    } else if constexpr (requires {
                           value.has_value();
                           *value;
                         }) {
      if (value.has_value()) self(self, name, *value);
    } else if constexpr (HasFields<const Value> && !std::is_same_v<Value, std::string>) {
      Value::Fields(value, [&](absl::string_view inner, const auto& part, absl::string_view) {
        self(self, absl::StrCat(name, ".", inner), part);
      });
    } else if constexpr (std::is_same_v<Value, std::vector<double>>) {
      for (const double one : value) absl::StrAppend(&text, " ", name, "=", one);
    }
  };
  std::visit(
      [&](const auto& one) {
        one.Fields(one,
                   [&](absl::string_view name, const auto& value, absl::string_view) { append(append, name, value); });
      },
      config);
  return text;
}

}  // namespace lossd::testing
