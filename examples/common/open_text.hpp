// Text of any file: plain, gzip or zstd, recognised by its first bytes; standard input for `-`.
#pragma once

#include <cstddef>
#include <istream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>

namespace heddle::examples {

/// A file opened for reading, unpacked as it is read, so that large ones need no memory. What stands
/// at its beginning can be looked at before it is read.
class open_text {
 public:
  static constexpr std::size_t most_ahead = 1 << 16;

  /// \param path  of a plain, gzip or zstd file; `-` is standard input
  /// \throws input_error  `path:1: expected a readable file, got …`; and while it is read, where packed
  ///                      data is damaged or cut short
  explicit open_text(const std::string& path);
  open_text(const open_text&) = delete;
  open_text& operator=(const open_text&) = delete;
  ~open_text();

  /// The path, or "stdin": what errors begin with.
  [[nodiscard]] const std::string& name() const { return name_; }
  /// The first bytes of the text, at most `most_ahead`, all of it if it is shorter. Valid until the
  /// stream has been read beyond them.
  [[nodiscard]] std::string_view ahead() const;
  /// The text from its beginning. Damaged data throws `input_error` out of whatever reads it.
  [[nodiscard]] std::istream& stream();
  /// All that is left of it.
  [[nodiscard]] std::string all() {
    return {std::istreambuf_iterator<char>(stream()), std::istreambuf_iterator<char>()};
  }

 private:
  struct parts;

  std::string name_;
  std::unique_ptr<parts> parts_;
};

}  // namespace heddle::examples
