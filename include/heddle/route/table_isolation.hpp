// Which running jobs the forwarding tables in force keep apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/forwarding.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/switch_ports.hpp>
#include <heddle/route/detail/destination_calls.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/route/detail/table_links.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route {

/// A job that runs, and what it sends. All is only looked at.
struct running_job {
  job_id id;
  const fabric::placement& where;
  std::span<const traffic::any_source> sources;
  bool in_phases =
      true;  ///< false: who sends to whom alone, not what at once; its own flows may meet
};

/// What is found of one of them.
struct table_verdict {
  enum class kind : unsigned char {
    isolated,
    not_reached,  ///< a card of its is not reached from one of its leafs
    meets,        ///< its flows use a link of another job, or one that another uses
    is_met,       ///< flows of another use a link of its
    crowded,      ///< more of its flows than a card carries meet on a link in a phase
  };
  job_id id;
  kind what = kind::isolated;
  fabric::port_end at = {};  ///< the link; with `not_reached` the leaf
  job_id other = {};
  std::uint32_t number = 0;  ///< flows, or the GPU that is not reached

  explicit operator bool() const { return what == kind::isolated; }
};

/// Follows the first LID of every card of each job from every leaf that sends to it: no cable may carry
/// flows of two jobs, one that another owns, or in a phase more flows than a network card. O(flows of all
/// phases · length of a way).
class table_isolation {
 public:
  /// \param ends       of each LID, as `table_keeper` has them
  /// \param addresses  of GPU g in plane p at g · planes + p
  table_isolation(const fabric::leaf_spine& dc, const fabric::switch_ports& wires,
                  const fabric::forwarding& tables, std::span<const fabric::port_end> ends,
                  std::span<const card_address> addresses)
      : dc_(dc), wires_(wires), tables_(tables), ends_(ends), addresses_(addresses),
        user_(wires.size() * fabric::switch_ports::ports, nobody), owner_(user_.size(), nobody),
        load_(user_.size(), 0) {}

  [[nodiscard]] std::vector<table_verdict> operator()(std::span<const running_job> jobs) {
    std::vector<table_verdict> out;
    for (std::uint32_t j = 0; j < jobs.size(); ++j) {
      out.push_back({jobs[j].id});
      std::string missing;  // a link that is lost is owned all the same
      for (const fabric::port_end& p : detail::ports_of(dc_, wires_, jobs[j].where, missing))
        owner_[place(p)] = j;
    }
    for (std::uint32_t j = 0; j < jobs.size(); ++j) follow(jobs, j, out);
    return out;
  }

 private:
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};
  static std::size_t place(fabric::port_end p) {
    return std::size_t{p.at} * fabric::switch_ports::ports + p.port;
  }
  using kind = table_verdict::kind;
  static void blame(table_verdict& v, kind what, fabric::port_end at, job_id other,
                    std::uint32_t number = 0) {
    if (v) v = {v.id, what, at, other, number};
  }

  void follow(std::span<const running_job> jobs, std::uint32_t j, std::vector<table_verdict>& out) {
    const traffic::group ranks = traffic::make_group(dc_, jobs[j].where.gpus);
    const auto planes = static_cast<std::size_t>(dc_.planes());
    const detail::own_links own{dc_, jobs[j].where};
    std::vector<std::size_t> touched;
    const auto use = [&](fabric::port_end p, int allowed) {
      const std::size_t at = place(p);
      if (load_[at]++ == 0) touched.push_back(at);
      if (jobs[j].in_phases && load_[at] > allowed)
        blame(out[j], kind::crowded, p, {}, static_cast<std::uint32_t>(load_[at]));
      if (owner_[at] != nobody && owner_[at] != j)
        meet(jobs, j, owner_[at], p, out);
      else if (user_[at] != nobody && user_[at] != j)
        meet(jobs, j, user_[at], p, out);
      user_[at] = j;
    };
    (void)detail::for_each_card_phase(
        ranks, detail::joined_sources{jobs[j].sources},
        [&](leaf_id l) { return !jobs[j].where.owns_network() || own.in_plane(l); },
        [&](std::span<const detail::card_flow> flows, int allowed) {
          for (std::size_t at : touched) load_[at] = 0;
          touched.clear();
          for (const detail::card_flow& f : flows) {
            const std::size_t card =
                ranks.gpus[f.target].index() * planes + static_cast<std::size_t>(f.plane);
            const std::uint32_t lid = addresses_[card].first;
            if (lid == 0 || !walk(wires_.of(f.from), lid, allowed, use)) {
              blame(out[j], kind::not_reached, {f.from.value, 0}, {}, ranks.gpus[f.target].value);
              return false;
            }
          }
          return true;
        });
    for (std::size_t at : touched) load_[at] = 0;
  }
  static void meet(std::span<const running_job> jobs, std::uint32_t j, std::uint32_t other,
                   fabric::port_end p, std::vector<table_verdict>& out) {
    blame(out[j], kind::meets, p, jobs[other].id);
    blame(out[other], kind::is_met, p, jobs[j].id);
  }
  template <class Use>
  bool walk(std::uint32_t from, std::uint32_t lid, int allowed, Use&& use) const {
    for (int hops = 0; hops < 8; ++hops) {
      const fabric::port_end p{from, tables_.port(from, lid)};
      if (p == ends_[lid]) return true;
      if (!wires_.is_alive(p)) return false;
      use(p, allowed);
      from = wires_.peer(p).at;
    }
    return false;
  }

  const fabric::leaf_spine& dc_;
  const fabric::switch_ports& wires_;
  const fabric::forwarding& tables_;
  std::span<const fabric::port_end> ends_;
  std::span<const card_address> addresses_;
  std::vector<std::uint32_t> user_, owner_;  // by port: which job
  std::vector<int> load_;
};

}  // namespace heddle::route
