#include "common/open_text.hpp"

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
      unpack.push(*raw);
      text = std::make_unique<ahead_buffer>(unpack, where, packed);
    }
    in.rdbuf(&buffer());
    in.exceptions(std::ios::badbit);  // lets what a buffer throws through
  }

  [[nodiscard]] ahead_buffer& buffer() const { return text ? *text : *raw; }

  std::filebuf file;
  std::unique_ptr<ahead_buffer> raw;
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
