// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/eager_torch.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace lossd::bench {

EagerTorch::EagerTorch(const std::string& script, BenchClock clock) {
  std::array<int, 2> in, out;
  if (pipe(in.data()) != 0 || pipe(out.data()) != 0) throw std::runtime_error("cannot make pipes");
  signal(SIGPIPE, SIG_IGN);
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("cannot fork");
  if (process_ == 0) {
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
    execl("/usr/bin/python3", "python3", script.c_str(), clock == BenchClock::kElapsed ? "elapsed" : "processor",
          nullptr);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
}

EagerTorch::~EagerTorch() {
  fclose(to_);
  fclose(from_);
  waitpid(process_, nullptr, 0);
}

std::string EagerTorch::Ask(const std::string& message) {
  std::fputs(message.c_str(), to_);
  std::fflush(to_);
  std::array<char, 64> line = {};
  if (std::fgets(line.data(), line.size(), from_) == nullptr) return "";
  return std::string(absl::StripSuffix(line.data(), "\n"));
}

bool EagerTorch::Prepare(const std::string& eager_case, int threads) {
  return Ask(absl::StrCat(R"({"case":)", eager_case, R"(,"threads":)", threads, "}\n")) == "ready";
}

double EagerTorch::Run(int repetitions) {
  return std::strtod(Ask(absl::StrCat(R"({"run":)", repetitions, "}\n")).c_str(), nullptr);
}

}  // namespace lossd::bench
