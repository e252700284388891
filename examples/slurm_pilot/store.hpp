// Where the pilot keeps what must outlive it.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "common/program.hpp"

namespace heddle::pilot {

/// T keeps the book, whole or as it was, and takes notes of what happened.
template <class T>
concept Store = requires(T& s, const std::string& text) {
  s.save(text);
  s.note(text);
};

/// Writes a file to its end, and to the disk.
/// \param how  of open(2), beside writing
/// \throws unmet_request  if it cannot be written
inline void write_to_disk(const std::string& file, const std::string& text, int how = O_TRUNC,
                          bool to_disk = true) {
  const int f = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0644);
  bool good = f >= 0;
  for (std::size_t done = 0; good && done < text.size();) {
    const auto n = ::write(f, text.data() + done, text.size() - done);
    if (n > 0) done += static_cast<std::size_t>(n);
    good = n > 0 || errno == EINTR;
  }
  good = good && (!to_disk || ::fsync(f) == 0);
  if ((f >= 0 && ::close(f) != 0) || !good)
    throw examples::unmet_request(file + ": " + std::strerror(errno));
}

/// A book in a file and notes in another, a JSON object a line. One process at a time.
class file_store {
 public:
  /// \param log  may be empty
  /// \throws unmet_request  if another pilot uses the file, or a file cannot be written
  file_store(std::string book, std::string log) : book_(std::move(book)), log_(std::move(log)) {
    lock_ = ::open((book_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0) throw examples::unmet_request(book_ + ".lock: " + std::strerror(errno));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
      throw examples::unmet_request(book_ + ": another heddle-slurm-pilot uses this file");
  }
  file_store(const file_store&) = delete;
  file_store& operator=(const file_store&) = delete;
  ~file_store() { ::close(lock_); }

  /// The text of the book, or nothing if there is none yet.
  [[nodiscard]] std::optional<std::string> load() const {
    std::ifstream in(book_, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string{std::istreambuf_iterator<char>(in), {}};
  }

  /// Written beside, brought to the disk, then renamed: after a power cut it is the old or the new.
  void save(const std::string& text) {
    const std::string beside = book_ + ".part";
    write_to_disk(beside, text);
    if (std::rename(beside.c_str(), book_.c_str()) != 0)
      throw examples::unmet_request(book_ + ": " + std::strerror(errno));
  }
  void note(const std::string& line) {
    if (!log_.empty()) write_to_disk(log_, line + "\n", O_APPEND, false);
  }

 private:
  std::string book_, log_;
  int lock_ = -1;
};

}  // namespace heddle::pilot
