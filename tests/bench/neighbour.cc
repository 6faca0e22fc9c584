// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/neighbour.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>

namespace lossd::bench {

Neighbour::Neighbour() {
  std::array<int, 2> ends;
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("cannot make a pipe");
  // Not a fork: that would make every page of this process cost a fault while it is measured.
  std::string script = "echo; while [ -d /proc/" + std::to_string(getpid()) + " ]; do :; done";
  std::array<char, 3> shell = {"sh"}, option = {"-c"};
  const std::array<char*, 4> arguments = {shell.data(), option.data(), script.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int error = posix_spawn(&process_, "/bin/sh", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  char newline = 0;
  const bool spins = error == 0 && read(ends[0], &newline, 1) == 1;
  close(ends[0]);
  if (!spins) throw std::runtime_error("cannot start a process that spins");
}

Neighbour::~Neighbour() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

}  // namespace lossd::bench
