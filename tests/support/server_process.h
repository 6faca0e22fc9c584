// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

// Runs the real binary lossd, or any other, for a test.

#ifndef LOSSD_TESTS_SUPPORT_SERVER_PROCESS_H_
#define LOSSD_TESTS_SUPPORT_SERVER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/process/port_file.h"

namespace lossd::testing {

// A folder that is removed with all it holds when this is destroyed.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string File(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A child process with its output in files. Not thread-safe.
class ChildProcess {
 public:
  // Starts `arguments[0]` with the rest. Null if it cannot be started.
  static std::unique_ptr<ChildProcess> Start(const std::vector<std::string>& arguments);
  // Kills it if it still runs, and waits for it.
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  void Signal(int number) const;
  // Waits for its end: the exit code, or 128 + the number of the signal that ended it.
  int Wait();
  // Waits, without polling, until its errors contain `text`; false if it ends without.
  bool AwaitErrors(const std::string& text) const;
  // What it has written to this point.
  std::string Output() const;
  std::string Errors() const;

 private:
  ChildProcess() = default;

  const TemporaryFolder folder_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// Path of a program that was built: in the folder of the environment variable LOSSD_BIN_DIR, which lossd_test sets.
std::string BuiltProgram(const std::string& name);

// How a program ended: ChildProcess::Wait, and what it wrote.
struct Ended {
  int code = 0;
  std::string output;
  std::string errors;
};

// Runs a program that was built to its end. Code -1 if it cannot be started.
Ended RunToEnd(const std::string& program, std::vector<std::string> arguments);

// A lossd on free ports of 127.0.0.1, ready to be called. Killed when destroyed. Not thread-safe.
class ServerProcess {
 public:
  // Starts it and waits, without polling, until it has written its port file. `flags` come after those for the ports.
  // UNAVAILABLE with its log if it ends instead. `before` is a program that runs the rest, and its arguments.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const std::vector<std::string>& flags = {},
                                                              const std::vector<std::string>& before = {});

  // "127.0.0.1:41001" and so on.
  const std::string& address() const { return addresses_.listen[0]; }
  const std::string& admin_address() const { return addresses_.admin_listen[0]; }
  const std::string& http_address() const { return addresses_.http_listen[0]; }
  const std::string& port_file() const { return port_file_; }

  ChildProcess& process() { return *process_; }
  // Asks it to stop (SIGTERM) and waits; its exit code.
  int Stop();

 private:
  explicit ServerProcess() : port_file_(folder_.File("ports.json")) {}

  const TemporaryFolder folder_;
  const std::string port_file_;
  ServerAddresses addresses_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace lossd::testing

#endif  // LOSSD_TESTS_SUPPORT_SERVER_PROCESS_H_
