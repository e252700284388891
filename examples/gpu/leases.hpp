// What was set on which GPU, for whom and until when: so that it is reset, whoever dies.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

#include "common/program.hpp"

namespace heddle::gpu {

/// A setting of one GPU. It is written down before it is set, and crossed out after it was reset: what is
/// set is always written down.
struct lease {
  std::string uuid{};      ///< of the GPU
  std::string job{};       ///< for whom; a word
  int clock_mhz = 0;       ///< what was asked for
  bool by_cap = false;     ///< by a power cap, since its clock may not be set
  double before_w = 0;     ///< the limit before the cap; 0: the GPU's usual one
  double expires_s = 0;    ///< seconds since 1970
  bool is_broken = false;  ///< its file cannot be read: nothing is known but its GPU

  [[nodiscard]] bool expired(double now_s) const { return is_broken || now_s >= expires_s; }
};

/// Whether a text may be the name of a file or a word of a lease: letters, digits, `-`, `_` and `.`, not too
/// many, and no dot at its beginning.
[[nodiscard]] inline bool is_plain_word(std::string_view text) {
  return !text.empty() && text.size() <= 80 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return c < 128 && (std::isalnum(c) || c == '-' || c == '_' || c == '.');
         });
}

/// The leases of a machine: a directory that only its owner may enter, a file a GPU. Held open, it is locked: one
/// process at a time.
class leases {
 public:
  /// \throws unmet_request  if it cannot be made or opened
  /// \throws input_error    if it belongs to another user, others may write there, or it is no directory
  explicit leases(std::string directory) : directory_(std::move(directory)) {
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST) fail(directory_);
    directory_fd_ = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory_fd_ < 0) fail(directory_);
    struct stat about {};
    if (::fstat(directory_fd_, &about) != 0 || about.st_uid != ::geteuid() ||
        (about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
      ::close(directory_fd_);
      throw input_error("--state", "a directory of one's own that nobody else may write to",
                        directory_);
    }
    while (::flock(directory_fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  leases(const leases&) = delete;
  leases& operator=(const leases&) = delete;
  ~leases() { ::close(directory_fd_); }

  /// By UUID.
  [[nodiscard]] std::vector<lease> all() const {
    std::vector<lease> out;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(ending))
        if (auto one = find(name.substr(0, name.size() - ending.size()))) out.push_back(*one);
    }
    if (error) throw examples::unmet_request(directory_ + ": " + error.message());
    std::sort(out.begin(), out.end(),
              [](const lease& a, const lease& b) { return a.uuid < b.uuid; });
    return out;
  }

  [[nodiscard]] std::optional<lease> find(const std::string& uuid) const {
    if (!is_plain_word(uuid)) return std::nullopt;
    const int f = ::openat(directory_fd_, (uuid + std::string(ending)).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (f < 0) {
      if (errno == ENOENT) return std::nullopt;
      return broken(uuid);
    }
    char text[1024];
    const ssize_t n = ::read(f, text, sizeof text);
    ::close(f);
    if (n < 0) return broken(uuid);
    return read(uuid, {text, static_cast<std::size_t>(n)});
  }

  /// On the disk when it returns. \throws unmet_request  if it cannot be written: the one before stands then
  void keep(const lease& l) {
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, "%d %d %.3f %.3f\n", l.clock_mhz, l.by_cap ? 1 : 0,
                  l.before_w, l.expires_s);
    const std::string text = std::string(first_word) + " " + l.job + " " + numbers,
                      name = l.uuid + std::string(ending), beside = l.uuid + ".part";
    const int f = ::openat(directory_fd_, beside.c_str(),
                           O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = f >= 0 &&
                ::write(f, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                ::fsync(f) == 0;
    if (f >= 0) good = ::close(f) == 0 && good;
    if (!good || ::renameat(directory_fd_, beside.c_str(), directory_fd_, name.c_str()) != 0)
      fail(directory_ + "/" + name);
  }
  void cross_out(const std::string& uuid) {
    (void)::unlinkat(directory_fd_, (uuid + std::string(ending)).c_str(), 0);
  }

 private:
  static constexpr std::string_view ending = ".lease", first_word = "heddle-gpu-1";

  [[noreturn]] static void fail(const std::string& what) {
    throw examples::unmet_request(what + ": " + std::strerror(errno));
  }
  static lease broken(const std::string& uuid) { return {.uuid = uuid, .is_broken = true}; }
  static lease read(const std::string& uuid, std::string_view text) {
    lease l{.uuid = uuid};
    std::istringstream in{std::string(text)};
    std::string mark;
    int cap = -1;
    in >> mark >> l.job >> l.clock_mhz >> cap >> l.before_w >> l.expires_s;
    if (!in || mark != first_word || !is_plain_word(l.job) || (cap != 0 && cap != 1) ||
        !(l.before_w >= 0) || !std::isfinite(l.expires_s))
      return broken(uuid);
    l.by_cap = cap == 1;
    return l;
  }

  std::string directory_;
  int directory_fd_ = -1;
};

}  // namespace heddle::gpu
