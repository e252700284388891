#include "common/open_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <streambuf>
#include <utility>
#include <vector>

#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filter/zstd.hpp>
#include <boost/iostreams/filtering_streambuf.hpp>

#include <heddle/core/error.hpp>

namespace heddle::examples {

namespace {

/// A buffer that is filled before it is asked, so that what comes first can be looked at.
class ahead_buffer : public std::streambuf {
 public:
  /// \param what  is expected of the source, where it fails
  ahead_buffer(std::streambuf& from, std::string where, std::string what)
      : from_(from), where_(std::move(where)), what_(std::move(what)),
        text_(open_text::most_ahead) {
    fill();
  }

  /// What has been filled in and not yet read.
  [[nodiscard]] std::string_view ahead() const {
    return {gptr(), static_cast<std::size_t>(egptr() - gptr())};
  }

 private:
  int_type underflow() override {
    if (gptr() == egptr()) fill();
    return gptr() == egptr() ? traits_type::eof() : traits_type::to_int_type(*gptr());
  }

  /// A pipe gives less at a time than is asked for.
  void fill() {
    std::size_t n = 0;
    try {
      while (n < text_.size()) {
        const auto got =
            from_.sgetn(text_.data() + n, static_cast<std::streamsize>(text_.size() - n));
        if (got <= 0) break;
        n += static_cast<std::size_t>(got);
      }
    } catch (const input_error&) {
      throw;
    } catch (const std::exception&) {
      throw input_error(where_, what_, "damaged data, or a part of it");
    }
    setg(text_.data(), text_.data(), text_.data() + n);
  }

  std::streambuf& from_;
  std::string where_, what_;
  std::vector<char> text_;
};

/// Passes zstd data through and watches its frames, since a decompressor takes the end of what it gets for the
/// end of the data. RFC 8878.
class whole_zstd : public std::streambuf {
 public:
  whole_zstd(std::streambuf& from, std::string where) : from_(from), where_(std::move(where)) {}

 private:
  enum class part { magic, skipped, descriptor, block, checksum };

  int_type underflow() override {
    if (gptr() < egptr()) return traits_type::to_int_type(*gptr());
    const auto got = from_.sgetn(text_.data(), static_cast<std::streamsize>(text_.size()));
    if (got <= 0) {
      if (at_ != part::magic || have_ > 0 || skip_ > 0)
        throw input_error(where_, "whole zstd data", "a part of it");
      return traits_type::eof();
    }
    for (std::streamsize i = 0; i < got; ++i) {
      if (skip_ > 0) {
        const auto n = std::min<std::uint64_t>(skip_, static_cast<std::uint64_t>(got - i));
        skip_ -= n;
        i += static_cast<std::streamsize>(n) - 1;
        continue;
      }
      take(static_cast<unsigned char>(text_[static_cast<std::size_t>(i)]));
    }
    setg(text_.data(), text_.data(), text_.data() + got);
    return traits_type::to_int_type(*gptr());
  }

  /// Collects the bytes of the part that comes next, least significant first, and goes on when it is whole.
  void take(unsigned char byte) {
    value_ |= std::uint64_t{byte} << (8 * have_);
    if (++have_ < wanted_) return;
    const std::uint64_t v = value_;
    value_ = have_ = 0;
    switch (at_) {
    case part::magic:
      if ((v & 0xfffffff0u) == 0x184d2a50u) return expect(part::skipped, 4);
      if (v != 0xfd2fb528u) throw input_error(where_, "whole zstd data", "other data behind it");
      return expect(part::descriptor, 1);
    case part::skipped:
      skip_ = v;
      return expect(part::magic, 4);
    case part::descriptor: {
      has_checksum_ = (v & 4) != 0;
      const bool one_segment = (v & 32) != 0;
      constexpr std::uint64_t of_dictionary[] = {0, 1, 2, 4}, of_size[] = {0, 2, 4, 8};
      const std::uint64_t n = (one_segment ? 0 : 1) + of_dictionary[v & 3] +
                              (v >> 6 == 0 && one_segment ? 1 : of_size[v >> 6]);
      skip_ = n;
      return expect(part::block, 3);
    }
    case part::block: {
      const std::uint64_t kind = (v >> 1) & 3;
      if (kind == 3) throw input_error(where_, "whole zstd data", "damaged data");
      skip_ = kind == 1 ? 1 : v >> 3;
      if ((v & 1) == 0) return expect(part::block, 3);
      return has_checksum_ ? expect(part::checksum, 4) : expect(part::magic, 4);
    }
    case part::checksum:
      return expect(part::magic, 4);
    }
  }
  void expect(part next, std::uint64_t bytes) {
    at_ = next;
    wanted_ = bytes;
  }

  std::streambuf& from_;
  std::string where_;
  std::array<char, 1 << 14> text_{};
  part at_ = part::magic;
  std::uint64_t wanted_ = 4, have_ = 0, value_ = 0, skip_ = 0;
  bool has_checksum_ = false;
};

}  // namespace

struct open_text::parts {
  explicit parts(const std::string& path, const std::string& name) : in(nullptr) {
    const std::string where = name + ":1";
    if (path != "-") {
      std::error_code ignored;
      if (std::filesystem::is_directory(path, ignored))
        throw input_error(where, "a readable file", "a directory");
      if (!file.open(path, std::ios::in | std::ios::binary))
        throw input_error(where, "a readable file", "none");
    }
    std::streambuf& source = path == "-" ? *std::cin.rdbuf() : file;
    raw = std::make_unique<ahead_buffer>(source, where, "a readable file");
    std::string packed;
    if (raw->ahead().starts_with("\x1f\x8b")) {
      packed = "whole gzip data";
      unpack.push(boost::iostreams::gzip_decompressor());
    } else if (raw->ahead().starts_with("\x28\xb5\x2f\xfd")) {
      packed = "whole zstd data";
      unpack.push(boost::iostreams::zstd_decompressor());
    }
    if (!packed.empty()) {
      if (packed.find("zstd") != std::string::npos) {
        frames = std::make_unique<whole_zstd>(*raw, where);
        unpack.push(*frames);
      } else {
        unpack.push(*raw);
      }
      text = std::make_unique<ahead_buffer>(unpack, where, packed);
    }
    in.rdbuf(&buffer());
    in.exceptions(std::ios::badbit);  // lets what a buffer throws through
  }

  [[nodiscard]] ahead_buffer& buffer() const { return text ? *text : *raw; }

  std::filebuf file;
  std::unique_ptr<ahead_buffer> raw;
  std::unique_ptr<whole_zstd> frames;
  boost::iostreams::filtering_streambuf<boost::iostreams::input> unpack;
  std::unique_ptr<ahead_buffer> text;  // none: the raw one is the text
  std::istream in;
};

open_text::open_text(const std::string& path)
    : name_(path == "-" ? "stdin" : path), parts_(std::make_unique<parts>(path, name_)) {}
open_text::~open_text() = default;

std::string_view open_text::ahead() const { return parts_->buffer().ahead(); }
std::istream& open_text::stream() { return parts_->in; }

}  // namespace heddle::examples
