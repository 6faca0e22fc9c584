// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "tests/support/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lossd::testing {
namespace {

std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A file descriptor that is closed in time.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() { close(fd_); }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Waits until `condition` holds or the process has ended; whether it holds. `watch` is an inotify, made before anything
// happens, on what makes it hold.
bool AwaitCondition(int watch, pid_t pid, const std::function<bool()>& condition) {
  const OwnedFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  while (!condition()) {
    pollfd events[] = {{watch, POLLIN, 0}, {process.get(), POLLIN, 0}};
    if (poll(events, 2, -1) < 0) return false;
    if (events[1].revents != 0) return condition();
    char buffer[4096];
    if (read(watch, buffer, sizeof(buffer)) < 0) return false;
  }
  return true;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "lossd_test.XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<ChildProcess> ChildProcess::Start(const std::vector<std::string>& arguments) {
  std::unique_ptr<ChildProcess> child(new ChildProcess());
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND;
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, child->folder_.File("out").c_str(), kFlags, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, child->folder_.File("err").c_str(), kFlags, 0600);
  std::vector<std::string> copies = arguments;
  std::vector<char*> pointers;
  for (std::string& argument : copies) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const int error = posix_spawn(&child->pid_, pointers[0], &files, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return nullptr;
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0 || exit_code_.has_value()) return;
  Signal(SIGKILL);
  Wait();
}

void ChildProcess::Signal(int number) const { kill(pid_, number); }

int ChildProcess::Wait() {
  if (exit_code_.has_value()) return *exit_code_;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return *exit_code_;
}

bool ChildProcess::AwaitErrors(const std::string& text) const {
  const OwnedFd watch(inotify_init1(IN_CLOEXEC));
  inotify_add_watch(watch.get(), folder_.File("err").c_str(), IN_MODIFY);
  return AwaitCondition(watch.get(), pid_, [&] { return absl::StrContains(Errors(), text); });
}

std::string ChildProcess::Output() const { return FileText(folder_.File("out")); }
std::string ChildProcess::Errors() const { return FileText(folder_.File("err")); }

std::string BuiltProgram(const std::string& name) {
  const char* folder = std::getenv("LOSSD_BIN_DIR");
  return absl::StrCat(folder == nullptr ? "." : folder, "/", name);
}

Ended RunToEnd(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), BuiltProgram(program));
  const auto process = ChildProcess::Start(arguments);
  if (process == nullptr) return {-1, "", "cannot start"};
  const int code = process->Wait();
  return {code, process->Output(), process->Errors()};
}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const std::vector<std::string>& flags,
                                                                    const std::vector<std::string>& before) {
  std::unique_ptr<ServerProcess> server(new ServerProcess());
  std::vector<std::string> arguments = before;
  arguments.insert(arguments.end(), {BuiltProgram("lossd"), "--listen=127.0.0.1:0", "--admin_listen=127.0.0.1:0",
                                     "--http_listen=127.0.0.1:0", "--port_file=" + server->port_file_});
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  const OwnedFd watch(inotify_init1(IN_CLOEXEC));
  inotify_add_watch(watch.get(), server->folder_.path().c_str(), IN_MOVED_TO);
  server->process_ = ChildProcess::Start(arguments);
  if (server->process_ == nullptr) return absl::UnavailableError(absl::StrCat("cannot start ", arguments[0]));
  const auto has_port_file = [&server] { return std::filesystem::exists(server->port_file_); };
  if (!AwaitCondition(watch.get(), server->process_->pid(), has_port_file)) {
    const int code = server->process_->Wait();
    return absl::UnavailableError(absl::StrCat("lossd ended with ", code, ": ", server->process_->Errors()));
  }
  auto addresses = ReadPortFile(server->port_file_);
  if (!addresses.ok()) return addresses.status();
  server->addresses_ = *std::move(addresses);
  return server;
}

int ServerProcess::Stop() {
  process_->Signal(SIGTERM);
  return process_->Wait();
}

}  // namespace lossd::testing
