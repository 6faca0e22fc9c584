// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/torch_worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace lossd::bench {

TorchWorker::TorchWorker(const std::string& python, const std::string& script, BenchClock clock) {
  Start(python, script, clock);
  version_ = ReadLine();
}

void TorchWorker::Start(const std::string& python, const std::string& script, BenchClock clock) {
  std::array<int, 2> in, out;
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("cannot make pipes");
  }
  signal(SIGPIPE, SIG_IGN);
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("cannot fork");
  if (process_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    signal(SIGINT, SIG_IGN);  // An interrupt is for the bench, which then ends this process.
    execl(python.c_str(), python.c_str(), script.c_str(), clock == BenchClock::kElapsed ? "elapsed" : "processor",
          nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
}

TorchWorker::~TorchWorker() {
  fclose(to_);
  fclose(from_);
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
}

std::string TorchWorker::ReadLine() {
  std::array<char, 512> line = {};
  if (std::fgets(line.data(), line.size(), from_) == nullptr) return "";
  return std::string(absl::StripSuffix(line.data(), "\n"));
}

std::string TorchWorker::Ask(const std::string& message) {
  std::fputs(message.c_str(), to_);
  std::fflush(to_);
  return ReadLine();
}

TorchAnswer TorchWorker::Prepare(const std::string& kind, const std::string& torch_case, const std::string& inputs,
                                 int threads) {
  return AskToPrepare(absl::StrCat(R"({"prepare":")", kind, R"(","case":)", torch_case, R"(,"inputs":")", inputs,
                                   R"(","threads":)", threads, "}\n"));
}

TorchAnswer TorchWorker::PrepareBound(const std::vector<BoundProduct>& products, int threads) {
  const std::string list = absl::StrJoin(products, ",", [](std::string* out, const BoundProduct& p) {
    absl::StrAppendFormat(out, "[%d,%d,%d,%d]", p.m, p.n, p.k, p.times);
  });
  return AskToPrepare(
      absl::StrCat(R"({"prepare":")", kBound, R"(","products":[)", list, R"(],"threads":)", threads, "}\n"));
}

TorchAnswer TorchWorker::AskToPrepare(const std::string& message) {
  if (version_.empty()) return {false, "no PyTorch"};
  const std::string line = Ask(message);
  const std::vector<std::string> absent = absl::StrSplit(line, absl::MaxSplits(' ', 1));
  if (absent[0] == "absent" && absent.size() == 2) return {false, absent[1]};
  const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
  TorchAnswer answer;
  if (words.size() != 4 || words[0] != "ok" || !absl::SimpleAtod(words[1], &answer.loss) ||
      !absl::SimpleAtod(words[2], &answer.gradient_norm)) {
    throw std::runtime_error(absl::StrCat(version_, " could not do ", absl::StripSuffix(message, "\n")));
  }
  answer.present = true;
  answer.variant = words[3];
  return answer;
}

double TorchWorker::Run(const std::string& kind, int repetitions) {
  const std::string line = Ask(absl::StrCat(R"({"run":")", kind, R"(","times":)", repetitions, "}\n"));
  double seconds = 0;
  if (!absl::SimpleAtod(line, &seconds)) throw std::runtime_error(absl::StrCat(version_, " died during ", kind));
  return seconds;
}

}  // namespace lossd::bench
