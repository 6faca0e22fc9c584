// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/loss_messages.h"

#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status/errors.h"
#include "core/status/status_macros.h"
#include "google/protobuf/message.h"
#include "google/protobuf/reflection.h"
#include "proto/wire/request_decoder.h"

namespace lossd::wire {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

const FieldDescriptor* FieldOf(const Message& message, absl::string_view name) {
  return message.GetDescriptor()->FindFieldByName(std::string(name));
}

// "STEP_WEIGHTING_REFERENCE or STEP_WEIGHTING_UNIFORM": all but the value that stands for the default.
std::string ValuesOf(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return absl::StrJoin(names, " or ");
}

// Sets the fields of a configuration that a message has.
class FieldReader {
 public:
  FieldReader(const Message& message, std::string path) : message_(message), path_(std::move(path)) {}

  template <typename T>
  void operator()(absl::string_view name, T& value, absl::string_view) {
    if (status_.ok()) status_ = Read(*FieldOf(message_, name), absl::StrCat(path_, ".", name), value);
  }
  const absl::Status& status() const { return status_; }

 private:
  const google::protobuf::Reflection& reflection() const { return *message_.GetReflection(); }

  template <typename T>
  absl::Status Read(const FieldDescriptor& field, const std::string& path, T& value) const {
    if (!reflection().HasField(message_, &field)) return absl::OkStatus();
    if constexpr (std::is_same_v<T, double>) {
      value = reflection().GetDouble(message_, &field);
    } else if constexpr (std::is_same_v<T, bool>) {
      value = reflection().GetBool(message_, &field);
    } else if constexpr (std::is_same_v<T, int32_t>) {
      value = reflection().GetInt32(message_, &field);
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      value = reflection().GetUInt64(message_, &field);
    } else if constexpr (std::is_same_v<T, std::string>) {
      value = reflection().GetString(message_, &field);
    } else if constexpr (std::is_enum_v<T>) {
      return ReadEnum(field, path, value);
    } else {
      const Message& nested = reflection().GetMessage(message_, &field);
      FieldReader reader(nested, path);
      T::Fields(value, reader);
      return reader.status();
    }
    return absl::OkStatus();
  }

  template <typename T>
  absl::Status Read(const FieldDescriptor& field, const std::string& path, std::optional<T>& value) const {
    if (!reflection().HasField(message_, &field)) return absl::OkStatus();
    return Read(field, path, value.emplace());
  }

  template <typename T>
  absl::Status Read(const FieldDescriptor& field, const std::string&, std::vector<T>& values) const {
    const auto& sent = reflection().GetRepeatedFieldRef<T>(message_, &field);
    values.assign(sent.begin(), sent.end());
    return absl::OkStatus();
  }

  // A message with a oneof of messages, named as the alternatives are.
  template <typename... T>
  absl::Status Read(const FieldDescriptor& field, const std::string& path,
                    std::variant<std::monostate, T...>& value) const {
    const Message& choice = reflection().GetMessage(message_, &field);
    absl::Status status;
    const auto read = [&]<typename Alternative>(std::in_place_type_t<Alternative> type) {
      const FieldDescriptor& member = *FieldOf(choice, Alternative::kName);
      if (!choice.GetReflection()->HasField(choice, &member)) return;
      FieldReader reader(choice.GetReflection()->GetMessage(choice, &member),
                         absl::StrCat(path, ".", Alternative::kName));
      Alternative::Fields(value.template emplace<Alternative>(), reader);
      status = reader.status();
      static_cast<void>(type);
    };
    (read(std::in_place_type<T>), ...);
    return status;
  }

  template <typename T>
  absl::Status ReadEnum(const FieldDescriptor& field, const std::string& path, T& value) const {
    const int number = reflection().GetEnumValue(message_, &field);
    if (number == 0) return absl::OkStatus();  // Unspecified: the default.
    if (field.enum_type()->FindValueByNumber(number) == nullptr) {
      return InvalidField(path, absl::StrCat("expected ", ValuesOf(*field.enum_type()), ", got ", number));
    }
    value = static_cast<T>(number);
    return absl::OkStatus();
  }

  const Message& message_;
  const std::string path_;
  absl::Status status_;
};

template <typename Config>
void WriteFields(const Config& config, Message& message);

template <typename T>
void Write(Message& message, const FieldDescriptor& field, const T& value) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if constexpr (std::is_same_v<T, double>) {
    reflection.SetDouble(&message, &field, value);
  } else if constexpr (std::is_same_v<T, bool>) {
    reflection.SetBool(&message, &field, value);
  } else if constexpr (std::is_same_v<T, int32_t>) {
    reflection.SetInt32(&message, &field, value);
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    reflection.SetUInt64(&message, &field, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    reflection.SetString(&message, &field, value);
  } else if constexpr (std::is_enum_v<T>) {
    reflection.SetEnumValue(&message, &field, static_cast<int>(value));
  } else {
    WriteFields(value, *reflection.MutableMessage(&message, &field));
  }
}

template <typename T>
void Write(Message& message, const FieldDescriptor& field, const std::optional<T>& value) {
  if (value.has_value()) Write(message, field, *value);
}

template <typename T>
void Write(Message& message, const FieldDescriptor& field, const std::vector<T>& values) {
  const auto sent = message.GetReflection()->GetMutableRepeatedFieldRef<T>(&message, &field);
  for (const T value : values) sent.Add(value);
}

template <typename... T>
void Write(Message& message, const FieldDescriptor& field, const std::variant<std::monostate, T...>& value) {
  Message& choice = *message.GetReflection()->MutableMessage(&message, &field);
  const auto write = [&](const auto& alternative) {
    using Alternative = std::decay_t<decltype(alternative)>;
    if constexpr (!std::is_same_v<Alternative, std::monostate>) {
      Write(choice, *FieldOf(choice, Alternative::kName), alternative);
    }
  };
  std::visit(write, value);
}

// Writes what differs from the defaults.
template <typename Config>
void WriteFields(const Config& config, Message& message) {
  const Config defaults{};
  Config::Fields(config, [&](absl::string_view name, const auto& value, absl::string_view) {
    Config::Fields(defaults, [&](absl::string_view other_name, const auto& other, absl::string_view) {
      if constexpr (std::is_same_v<decltype(value), decltype(other)>) {
        if (name == other_name && !(value == other)) Write(message, *FieldOf(message, name), value);
      }
    });
  });
}

absl::Status NoLoss(const v1::LossSpec& loss) {
  const std::string known = absl::StrJoin(kLossNames, ", ");
  if (const auto number = UnknownLossMember(loss)) {
    return absl::UnimplementedError(
        absl::StrCat("loss: expected one that this build has (", known, "), got field number ", *number));
  }
  return InvalidField("loss", absl::StrCat("expected one of ", known, ", got none"));
}

}  // namespace

absl::StatusOr<LossConfig> ToLossConfig(const v1::LossSpec& loss) {
  for (size_t i = 0; i < kLossCount; ++i) {
    const FieldDescriptor& member = *FieldOf(loss, kLossNames[i]);
    if (!loss.GetReflection()->HasField(loss, &member)) continue;
    LossConfig config = DefaultLossConfig(i);
    FieldReader reader(loss.GetReflection()->GetMessage(loss, &member), absl::StrCat("loss.", kLossNames[i]));
    std::visit([&](auto& fields) { fields.Fields(fields, reader); }, config);
    LOSSD_RETURN_IF_ERROR(reader.status());
    return config;
  }
  return NoLoss(loss);
}

v1::LossSpec ToLossMessage(const LossConfig& config) {
  v1::LossSpec message;
  Message& loss = *message.GetReflection()->MutableMessage(&message, FieldOf(message, kLossNames[config.index()]));
  std::visit([&](const auto& fields) { WriteFields(fields, loss); }, config);
  return message;
}

}  // namespace lossd::wire
