// Rows that survive the program that made them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include <heddle/core/error.hpp>

#include "common/program.hpp"

namespace heddle::examples::sweep {

/// A file to which rows are added as they come, each as `number,row`. Its first line names the grid
/// that it belongs to. A last line that was cut is dropped when the file is opened again.
class journal {
 public:
  /// \throws input_error  if there is a journal of another grid
  journal(const std::string& path, std::uint64_t grid, std::size_t runs) {
    const std::string head = "heddle sweep 1 " + std::to_string(grid);
    std::size_t whole = 0;
    if (std::ifstream in{path, std::ios::binary}; in) {
      std::string line;
      for (std::size_t n = 0; std::getline(in, line) && !in.eof(); ++n) {
        if (n == 0 && line != head)
          throw input_error(path + ":1", "the journal of this grid, \"" + head + "\"",
                            "\"" + line + "\"");
        whole += line.size() + 1;
        if (n == 0) continue;
        const std::size_t comma = line.find(',');
        const std::string number = line.substr(0, comma);
        if (comma == std::string::npos || number.empty() ||
            number.find_first_not_of("0123456789") != std::string::npos || number.size() > 18 ||
            std::stoull(number) >= runs)
          throw input_error(path + ":" + std::to_string(n + 1), "a run of the grid",
                            "\"" + number + "\"");
        rows_[static_cast<std::size_t>(std::stoull(number))] = line.substr(comma + 1);
      }
    }
    if (whole > 0) std::filesystem::resize_file(path, whole);
    out_.open(path, std::ios::binary | (whole > 0 ? std::ios::app : std::ios::trunc));
    if (whole == 0) out_ << head << '\n' << std::flush;
    if (!out_) throw unmet_request(path + ": cannot be written");
  }

  [[nodiscard]] bool contains(std::size_t run) const { return rows_.contains(run); }
  [[nodiscard]] const std::string& row(std::size_t run) const { return rows_.at(run); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }

  void add(std::size_t run, const std::string& row) {
    out_ << run << ',' << row << '\n' << std::flush;
    if (!out_) throw unmet_request("the journal cannot be written");
    rows_[run] = row;
  }

 private:
  std::map<std::size_t, std::string> rows_;
  std::ofstream out_;
};

}  // namespace heddle::examples::sweep
