// Running other programs: no shell, with a time limit.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/program.hpp"

extern char** environ;

namespace heddle::pilot {

struct process_result {
  int status = -1;  ///< exit status; −1: ended by a signal or by the time limit
  std::string out, err;
};

/// Runs `words`, the first being the program, found by PATH. `extra` entries are added to the
/// environment.
/// \throws unmet_request  if it cannot be started
[[nodiscard]] inline process_result run_process(const std::vector<std::string>& words,
                                                double limit_s = 30,
                                                const std::vector<std::string>& extra = {}) {
  const auto fail = [&](int error) {
    throw examples::unmet_request(words.front() + ": " + std::strerror(error));
  };
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0) fail(errno);
  if (::pipe2(err, O_CLOEXEC) != 0) fail(errno);
  std::vector<char*> argv, env;
  for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  for (char** e = environ; *e; ++e) {
    const std::string_view name =
        std::string_view(*e).substr(0, std::string_view(*e).find('=') + 1);
    bool replaced = false;
    for (const std::string& x : extra) replaced |= x.starts_with(name);
    if (!replaced) env.push_back(*e);
  }
  for (const std::string& x : extra) env.push_back(const_cast<char*>(x.c_str()));
  env.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out[1], 1);
  posix_spawn_file_actions_adddup2(&files, err[1], 2);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), env.data());
  posix_spawn_file_actions_destroy(&files);
  ::close(out[1]);
  ::close(err[1]);
  if (error != 0) {
    ::close(out[0]);
    ::close(err[0]);
    fail(error);
  }

  process_result result;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(limit_s);
  pollfd open[2]{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}};
  std::string* const text[2]{&result.out, &result.err};
  bool late = false;
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    const std::chrono::duration<double, std::milli> left = end - std::chrono::steady_clock::now();
    if (left.count() <= 0) {
      late = true;
      break;
    }
    if (::poll(open, 2, static_cast<int>(left.count()) + 1) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; ++i) {
      if (open[i].fd < 0 || open[i].revents == 0) continue;
      char buffer[1 << 16];
      const ssize_t n = ::read(open[i].fd, buffer, sizeof buffer);
      if (n > 0) {
        text[i]->append(buffer, static_cast<std::size_t>(n));
      } else if (n == 0 || errno != EINTR) {
        open[i].fd = -1;
      }
    }
  }
  ::close(out[0]);
  ::close(err[0]);
  if (late) ::kill(pid, SIGKILL);
  int code = 0;
  while (::waitpid(pid, &code, 0) < 0 && errno == EINTR) {
  }
  result.status = !late && WIFEXITED(code) ? WEXITSTATUS(code) : -1;
  if (late)
    result.err =
        std::string("no answer within ") + std::to_string(static_cast<int>(limit_s)) + " s";
  while (!result.err.empty() && result.err.back() == '\n') result.err.pop_back();
  return result;
}

}  // namespace heddle::pilot
