// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "client/cli/compute_command.h"

#include <CLI/App.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/file_name.h"
#include "client/cli/result_report.h"
#include "client/npy/array_file.h"
#include "client/npy/npy.h"
#include "core/status/status_macros.h"

namespace lossd::cli {
namespace {

// Reads "name=file".
absl::StatusOr<client::InputTensor> LoadInput(const std::string& argument) {
  const size_t equals = argument.find('=');
  if (equals == 0 || equals == std::string::npos) {
    return UsageError(absl::StrCat("inputs: expected name=file, got '", argument, "'", InputHint(argument)));
  }
  const absl::StatusOr<Tensor> tensor = ReadArray(argument.substr(equals + 1), argument.substr(0, equals));
  if (!tensor.ok()) return UsageError(tensor.status().message());
  return client::InputTensor::Share(*tensor);
}

absl::StatusOr<DType> ParseGradientDType(const std::string& text) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kFloat64}) {
    if (absl::EqualsIgnoreCase(text, DTypeName(dtype))) return dtype;
  }
  return UsageError(absl::StrCat("--gradient-dtype: expected float32, float16, bfloat16 or float64, got '", text, "'"));
}

absl::Status WriteGradients(const client::ComputeResponse& response, const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    return LocalError(absl::UnavailableError(
        absl::StrCat("--gradients-dir: cannot make the folder ", directory, ": ", error.message())));
  }
  for (const client::ResultTensor& gradient : response.gradients) {
    // A server's name must not lead out of the directory.
    if (!IsFileName(gradient.spec().name)) {
      return absl::InternalError(absl::StrCat("gradient '", gradient.spec().name, "': not a file name"));
    }
    const auto path = std::filesystem::path(directory) / (gradient.spec().name + ".npy");
    const absl::Status written = WriteNpy(path.string(), gradient.spec(), gradient.bytes());
    if (!written.ok()) return LocalError(written);
  }
  return absl::OkStatus();
}

}  // namespace

CLI::App* ComputeCommand::Declare(CLI::App& app) {
  CLI::App* const command =
      app.add_subcommand("compute",
                         "Compute a loss and its gradients over files of arrays.\n"
                         "Example: lossctl compute --loss nt_xent --temperature 0.1 out_1=a.npy out_2=b.npy");
  command->add_option("inputs", inputs_,
                      "Inputs as name=file; their names are listed by `lossctl info`. Files are .npy, .npz or\n"
                      ".safetensors; of an archive file:member is taken, else the member of the input's name");
  loss_.Declare(*command);
  command->add_option("--gradients", gradients_, "all, none, or names separated by commas, which may end in *")
      ->type_name("NAMES")
      ->capture_default_str();
  command->add_option("--gradient-dtype", gradient_dtype_, "float32, float16, bfloat16 or float64 [the input's]");
  command->add_option("--gradient-scale", gradient_scale_, "Multiplies every gradient before rounding [1]");
  command->add_option("--gradients-dir", gradients_dir_, "Write gradients there as <name>.npy");
  command->add_flag("--reject-nonfinite", reject_nonfinite_, "Fail on NaN and infinities instead of naming them");
  command->add_flag("--json", json_, "Print JSON instead of tables");
  connection_.Declare(*command);
  return command;
}

absl::StatusOr<client::GradientOptions> ComputeCommand::Gradients() const {
  client::GradientOptions options;
  if (gradients_ == "none") {
    if (!gradients_dir_.empty()) return UsageError("--gradients-dir: expected without --gradients none");
    options.mode = client::GradientOptions::Mode::kNone;
  } else if (gradients_ != "all") {
    options.mode = client::GradientOptions::Mode::kNamed;
    options.names = absl::StrSplit(gradients_, ',');
  }
  if (!gradient_dtype_.empty()) {
    LOSSD_ASSIGN_OR_RETURN(options.dtype, ParseGradientDType(gradient_dtype_));
  }
  options.scale = gradient_scale_;
  return options;
}

absl::StatusOr<client::ComputeRequest> ComputeCommand::Request() const {
  client::ComputeRequest request;
  LOSSD_ASSIGN_OR_RETURN(request.loss, loss_.Spec());
  LOSSD_ASSIGN_OR_RETURN(request.gradients, Gradients());
  for (const std::string& argument : inputs_) {
    LOSSD_ASSIGN_OR_RETURN(client::InputTensor input, LoadInput(argument));
    request.inputs.push_back(std::move(input));
  }
  if (reject_nonfinite_) request.nonfinite_policy = client::NonfinitePolicy::kReject;
  request.timing = true;
  return request;
}

absl::StatusOr<int> ComputeCommand::Run(const Streams& streams) {
  LOSSD_ASSIGN_OR_RETURN(client::ComputeRequest request, Request());
  LOSSD_ASSIGN_OR_RETURN(const auto client, connection_.Connect());
  LOSSD_ASSIGN_OR_RETURN(const client::ComputeResponse response, client->Compute(std::move(request)));
  if (!gradients_dir_.empty()) LOSSD_RETURN_IF_ERROR(WriteGradients(response, gradients_dir_));
  if (json_) {
    streams.out << ResultToJson(response).dump(2) << '\n';
  } else {
    PrintResult(response, streams.out);
  }
  return kExitOk;
}

}  // namespace lossd::cli
