// Lets an InfiniBand network carry out what the pilot's book says, by forwarding tables.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/ib_tables.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/route/bring_tables.hpp>
#include <heddle/route/carry_most.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>

#include "common/job_settings.hpp"
#include "common/program.hpp"
#include "slurm_pilot/book.hpp"
#include "slurm_pilot/drivers.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/subnet.hpp"

namespace heddle::pilot {

/// Keeps the tables of a network in line with the jobs that it is told of. It remembers nothing that it could
/// not find again: at each call it looks at the network, the manager's file and the switches, works out the
/// tables that the jobs need with as few entries changed as can be, and where the file or the switches have
/// others, writes, has them loaded and reads them back. So it may be stopped between any two steps: the next
/// one's first look finds what was not done and does it.
///
/// The file is what counts. Where it is no table, or broken, those that the switches have are taken in its
/// place; where these are broken too nothing is written and every call says so.
template <Subnet Network>
class table_driver {
 public:
  /// \param whole  the network that jobs are placed on, `make_ib_machine`'s
  /// \param looks  at the switches, before it is said that they do not have the tables
  table_driver(Network& network, fabric::ib_network whole, int looks = 100)
      : network_(network), whole_(std::move(whole)), looks_(looks) {}

  /// Jobs of the book of an earlier pilot. \throws as `look_after` does
  void take_over(const book& b) {
    for (const auto& [id, j] : b.jobs) remember(id, j);
    (void)look_after();
  }
  /// The switches have the routes of a job when this returns.
  /// \throws unmet_request  if it cannot have its links to itself, and nothing is written then; or if the
  ///                        switches do not take the tables. It is forgotten
  void set_network(std::uint32_t id, const booked_job& j) {
    remember(id, j);
    try {
      bring(id);
    } catch (...) {
      jobs_.erase(id);
      throw;
    }
  }
  void clear_network(std::uint32_t id) { jobs_.erase(id); }
  /// Looks whether all is as it should be and mends what is not. \returns  jobs that are isolated no longer
  /// and were when it last looked, with the reason
  /// \throws unmet_request, input_error  if the network cannot be brought to what the jobs need
  std::map<std::uint32_t, std::string> look_after() {
    std::map<std::uint32_t, std::string> now = bring(std::nullopt), news = now;
    for (const auto& [id, why] : lost_) news.erase(id);
    lost_ = std::move(now);
    return news;
  }
  /// Links that were out of service when it last looked.
  [[nodiscard]] lost_links lost() const {
    lost_links out;
    const fabric::switch_ports& wires = whole_.wires;
    for (const fabric::port_end& p : cut_) {
      const std::uint32_t upper = wires.peer(p).at;
      std::uint32_t lane = 0;
      while (wires.up(p.at, upper, lane) != p) ++lane;
      const std::uint32_t spine = wires.tier(p.at) == 0 ? upper : p.at;
      const spine_id s{spine - wires.leafs()};
      if (p.at < wires.leafs())
        out.up.push_back({leaf_id{p.at}, s, lane});
      else if (wires.tier(p.at) == 1)
        out.to_cores.push_back({s, core_id{upper - wires.of(core_id{0})}, lane});
    }
    return out;
  }
  /// What ranks of a job are to source (job_settings.hpp).
  [[nodiscard]] std::string settings_of(const booked_job& j) const {
    const traffic::group ranks = traffic::make_group(whole_.dc, j.where.gpus);
    if (!j.where.owns_network()) return examples::job_settings(whole_, ranks, {}, nullptr);
    const route::carried_routes routes = routes_of(j);
    return examples::job_settings(whole_, ranks, std::string(name(j.pattern)), &routes);
  }

 private:
  struct held_job {
    fabric::placement where;
    route::destination_routes routes;
  };

  [[nodiscard]] route::carried_routes routes_of(const booked_job& j) const {
    const traffic::group ranks = traffic::make_group(whole_.dc, j.where.gpus);
    return route::carry_most(whole_.dc, j.where, ranks, {traffic::source_of(j.pattern, ranks, 1)});
  }
  void remember(std::uint32_t id, const booked_job& j) {
    if (j.at == stage::foreign || !j.where.owns_network()) return;
    const auto at = jobs_.find(id);
    if (at != jobs_.end() && at->second.where == j.where) return;
    jobs_[id] = {j.where, routes_of(j).routes};
  }
  [[nodiscard]] static fabric::lft_dump read(const std::string& text, const std::string& name) {
    std::istringstream in(text);
    return fabric::read_lft(in, name);
  }
  [[nodiscard]] static std::string written(const fabric::lft_dump& d) {
    std::ostringstream out;
    fabric::write_lft(out, d);
    return std::move(out).str();
  }

  /// Tables to begin with: those of the file, or else of the switches.
  [[nodiscard]] fabric::ib_tables base(const std::optional<std::string>& file,
                                       const std::string& switches,
                                       const std::vector<fabric::port_end>& lost) const {
    std::string why;
    for (const bool of_file : {true, false}) {
      const std::string name = of_file ? "the manager's file" : "the switches";
      try {
        if (of_file && !file) throw input_error(name, "tables", "none");
        fabric::ib_tables t{whole_, read(of_file ? *file : switches, name), name, lost};
        const auto faults = route::lasting_faults(whole_.wires, t.by_number(), t.ends(), lost);
        if (faults.empty()) return t;
        why += (why.empty() ? "" : "; ") + name + ": " + faults.front().message();
      } catch (const input_error& e) {
        why += (why.empty() ? "" : "; ") + std::string(e.what());
      }
    }
    throw examples::unmet_request("no tables to begin with: " + why);
  }

  /// \returns  the jobs that are not isolated, and why
  std::map<std::uint32_t, std::string> bring(std::optional<std::uint32_t> newest) {
    std::istringstream seen(network_.discover());
    const std::vector<fabric::port_end> lost = cut_ =
        fabric::lost_cables(whole_, fabric::read_ib_network(seen, "ibnetdiscover"));
    const std::optional<std::string> file = network_.tables();
    std::string switches = network_.read_back();
    const fabric::ib_tables now = base(file, switches, lost);
    route::table_keeper keeper{whole_.wires, now.by_number(), now.ends()};
    std::vector<route::placed_routes> placed;
    for (const auto& [id, j] : jobs_)
      placed.push_back({job_id{id}, j.where, j.routes, now.addresses(), whole_.dc.planes()});
    const auto brought = route::bring_tables(whole_.dc, keeper, placed, lost);
    std::map<std::uint32_t, std::string> out;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (brought[i]) continue;
      const std::uint32_t id = placed[i].id.value;
      out[id] = brought[i].lost.valid()
                    ? "it lost its link at " + whole_.names[brought[i].lost.at] + " port " +
                          std::to_string(brought[i].lost.port)
                    : brought[i].why;
      if (id == newest) throw examples::unmet_request("its links are not its own: " + out[id]);
    }
    const fabric::lft_dump wanted =
        now.with(keeper.tables(), [&](std::uint32_t s) { return keeper.wires().is_cut_off(s); });
    const std::string text = written(wanted);
    if (!file || *file != text) network_.keep(text);
    load(wanted, std::move(switches));
    return out;
  }
  void load(const fabric::lft_dump& wanted, std::string switches) {
    std::vector<fabric::lft_difference> d;
    for (int i = 0; i <= looks_; ++i) {
      if (i > 0) switches = network_.read_back();
      try {
        d = fabric::differences(wanted, read(switches, "the switches"));
        if (d.empty()) return;
      } catch (const input_error&) {  // it is in the middle of something
        d.assign(1, {"what is read back"});
      }
      if (i % 20 == 0) network_.reload();  // at first, and when it may have been at something else
      network_.wait();
    }
    throw examples::unmet_request("the switches do not have the tables: " + d.front().at +
                                  (d.front().got < 0
                                       ? ": none"
                                       : " sends LID " + std::to_string(d.front().lid) +
                                             " to port " + std::to_string(d.front().got) +
                                             ", not " + std::to_string(d.front().expected)));
  }

  Network& network_;
  fabric::ib_network whole_;
  int looks_;
  std::vector<fabric::port_end> cut_;  // lower ends of cables that were not there at the last look
  std::map<std::uint32_t, held_job> jobs_;
  std::map<std::uint32_t, std::string> lost_;
};

}  // namespace heddle::pilot
