// What heddle-slurm-pilot was asked, and what it writes to.
#pragma once

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>

#include <heddle/fabric/ib_network.hpp>

#include "slurm_pilot/book.hpp"
#include "slurm_pilot/drivers.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/store.hpp"
#include "slurm_pilot/table_driver.hpp"

namespace heddle::pilot {

struct arguments {
  std::string state, log, hooks, hook_command, partition, order = "fifo", place, gpu = "a100";
  std::string backfill = "none", allocate = "requested", clocks = "fastest", read = "auto";
  std::string reports, notice = "USR1@60";
  std::string ib_network, ib_tables, opensm, start_opensm;
  network_options network;
  double interval_s = 5, start_timeout_s = 120, settle_s = 60;
  bool dry_run = false, once = false;
};

/// Notes go to a file, or to standard output; a dry run saves nothing.
class notebook {
 public:
  explicit notebook(const arguments& a) : to_stdout_(a.log.empty()), dry_(a.dry_run) {
    // A dry run may look over the shoulder of a pilot at work.
    if (!dry_) files_.emplace(a.state, a.log);
    if (dry_) to_stdout_ = true;
  }
  void save(const std::string& text) {
    if (files_) files_->save(text);
  }
  void note(const std::string& line) {
    if (files_) files_->note(line);
    if (to_stdout_) std::cout << line << std::endl;
  }

 private:
  std::optional<file_store> files_;
  bool to_stdout_, dry_;
};

/// Hooks and forwarding tables that may be left out.
class hooks {
 public:
  hooks(const arguments& a, const std::optional<fabric::ib_network>& net)
      : subnet_(a.ib_tables, a.opensm, {}, a.start_opensm) {
    if (!a.hooks.empty()) files_.emplace(a.hooks, a.hook_command);
    if (!a.ib_tables.empty()) tables_.emplace(subnet_, *net);
  }
  void take_over(const book& b) {
    if (tables_) tables_->take_over(b);
  }
  void set_network(std::uint32_t job, const booked_job& j) {
    if (!tables_) return;
    tables_->set_network(job, j);
    if (files_) files_->write(job, "settings.sh", tables_->settings_of(j));
  }
  void clear_network(std::uint32_t job) {
    if (tables_) tables_->clear_network(job);
  }
  std::map<std::uint32_t, std::string> look_after() {
    return tables_ ? tables_->look_after() : std::map<std::uint32_t, std::string>{};
  }
  [[nodiscard]] lost_links lost() const { return tables_ ? tables_->lost() : lost_links{}; }
  void set_ranks(std::uint32_t job, auto v) {
    if (files_) files_->set_ranks(job, v);
  }
  void clear_ranks(std::uint32_t job) {
    if (files_) files_->clear_ranks(job);
  }
  void set_routes(std::uint32_t job, auto v) {
    if (files_) files_->set_routes(job, v);
  }
  void clear_routes(std::uint32_t job) {
    if (files_) files_->clear_routes(job);
  }
  void set_clocks(std::uint32_t job, auto v) {
    if (files_) files_->set_clocks(job, v);
  }
  void clear_clocks(std::uint32_t job) {
    if (files_) files_->clear_clocks(job);
  }
  void set_circuits(std::uint32_t job, auto v) {
    if (files_) files_->set_circuits(job, v);
  }
  void clear_circuits(std::uint32_t job) {
    if (files_) files_->clear_circuits(job);
  }

 private:
  opensm_subnet subnet_;
  std::optional<recording_driver> files_;
  std::optional<table_driver<opensm_subnet>> tables_;
};

inline std::optional<std::string> text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

}  // namespace heddle::pilot
