// heddle-place: answers a stream of placement requests, a line for each.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/fabric/ledger.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/place/groups.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/spare_cubes.hpp>
#include <heddle/place/verify_mesh.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>

#include "common/cluster_file.hpp"
#include "common/fabric_picture.hpp"
#include "common/json_file.hpp"
#include "common/mesh_picture.hpp"
#include "common/named_places.hpp"
#include "common/place_flags.hpp"
#include "common/program.hpp"
#include "place/operation.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
using json = nlohmann::ordered_json;

struct arguments {
  network_source cluster;
  std::string ops = "-", policy, svg;
  place_flags flags;
  bool verify = false;
  std::uint64_t seed = 0;
};

void add_options(CLI::App& app, arguments& a) {
  app.add_option("--cluster", a.cluster.path,
                 "the network: JSON, a topology of Slurm or topograph, output of ibnetdiscover, a "
                 "table of hosts; "
                 "packed or not")
      ->required();
  add_network_options(app, a.cluster);
  app.add_option("--ops", a.ops, "operations, one JSON object a line; - is standard input")
      ->capture_default_str();
  add_names(app, {{"--policy", "which GPUs and links a job gets", place_names()}});
  app.add_option("--policy", a.policy,
                 either(place_names()) +
                     " (else vclos; on a torus folded, on cubes folded_reconfigured)");
  add_place_flags(app, a.flags);
  app.add_flag("--verify", a.verify, "prove each placement isolated, flow by flow, and say so");
  app.add_option("--svg", a.svg, "a picture of who has what in the end");
  app.add_option("--seed", a.seed, "of the policy random")->capture_default_str();
}

/// The cluster and who has what of it.
template <class Fabric>
class placer {
  static constexpr bool has_leafs = route::LeafSpineFabric<Fabric>;
  static constexpr bool has_cores = std::is_same_v<Fabric, fabric::leaf_spine>;
  static constexpr bool has_circuits = std::is_same_v<Fabric, fabric::leaf_spine_ocs>;
  static constexpr bool has_cubes = std::is_same_v<Fabric, fabric::cubes>;

 public:
  placer(const arguments& a, const Fabric& dc)
      : kind_(find_place(a.policy, "--policy")), verify_(a.verify), named_(dc), state_(dc) {
    options_ = options_of(a.flags, kind_.name, "--policy");
    options_.seed = a.seed;
    policy_ = kind_.make<Fabric>(options_);
  }

  [[nodiscard]] const fabric::ledger<Fabric>& state() const { return state_; }

  /// What one line asks for. \throws input_error  that says `where`
  json answer_to(const std::string& where, const std::string& line) {
    const operation op = operation_reader{named_, where, line}.read();
    switch (op.kind) {
    case op_kind::place:
      return place(where, op);
    case op_kind::release:
      return release(where, op);
    case op_kind::move:
      return move(where, op.job);
    case op_kind::fail:
    case op_kind::repair:
      break;
    }
    return change(op);
  }

 private:
  static place::request request_of(const operation& op) {
    return {.job = op.job,
            .gpus = op.gpus,
            .tenant = op.tenant,
            .shape = op.shape,
            .tensor = op.tensor,
            .pipeline = op.pipeline,
            .sends = op.sends};
  }
  json place(const std::string& where, const operation& op) {
    const std::string id = std::to_string(op.job.value);
    if (state_.find(op.job)) throw input_error(where, "a job that holds nothing yet", "job " + id);
    if (!op.shape.empty() && !kind_.of_meshes())
      throw input_error(where,
                        "no shape, as --policy " + std::string(kind_.name) + " places no meshes",
                        text_of(op.shape));
    const place::request r = request_of(known_[op.job] = op);
    const auto start = std::chrono::steady_clock::now();
    place::answer a = place::ask(policy_, std::as_const(state_), r);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    if (!a) {
      json out{{"job", op.job.value},
               {"status", "waiting"},
               {"reason", place::name(a.why)},
               {"proved", a.proved}};
      if (a.cut.where != place::narrow_cut::tier::none)
        out["cut"] = {{"of", a.cut.where == place::narrow_cut::tier::leaf ? "leaf to spines"
                                                                          : "pod to cores"},
                      {"links", a.cut.links},
                      {"needed", a.cut.needed}};
      return out;
    }

    if constexpr (has_circuits)
      if (!a.moved.empty() && state_.rewire(a.moved) != fabric::reserve_status::reserved)
        throw unmet_request(where + ": job " + id + ": the circuits that " +
                            std::string(kind_.name) + " wants moved cannot be");
    const fabric::reserve_status booked = state_.reserve(op.job, *a.where, op.tenant);
    if (booked != fabric::reserve_status::reserved)
      throw unmet_request(where + ": job " + id + ": " + std::string(kind_.name) +
                          " names what it may not have: " + std::string(fabric::name(booked)));
    json out{{"job", op.job.value}, {"status", "placed"}};
    out["gpus"] = json::array();
    for (gpu_id g : a.where->gpus) out["gpus"].push_back(g.value);
    if constexpr (has_leafs)
      add_network(out, a);
    else
      add_mesh(out, *a.where);
    if (kind_.name == "groups") {
      const auto [tensor, pipeline] =
          place::groups{.tensor = options_.tensor, .pipeline = std::max(1, options_.pipeline)}
              .sizes_of(state_.hosts(), r);
      const auto s = place::spread_of(state_.hosts(), *a.where, tensor, pipeline);
      out["spread"] = {{"tensor", s.tensor}, {"pipeline", s.pipeline}, {"data", s.data}};
    }
    if (!a.where->enough_for.empty()) out["guarantee"] = "declared";
    if (kind_.name == "relaxed" || kind_.name == "patched")
      out["predicted_slowdown"] = a.predicted_slowdown;
    if (verify_) out["isolated"] = verify(where, op.job);
    out["us"] = took.count();
    return out;
  }

  void add_network(json& out, const place::answer& a) const {
    out["links"] = pairs(a.where->links, &fabric::link::leaf, &fabric::link::spine);
    out["circuits"] = json::array();
    if constexpr (has_cores)
      if (state_.fabric().cores() > 0)
        out["core_links"] =
            pairs(a.where->core_links, &fabric::core_link::spine, &fabric::core_link::core);
    out["moved"] = json::array();
    if constexpr (has_circuits) {
      for (const fabric::circuit& k : a.where->circuits)
        out["circuits"].push_back(
            {state_.fabric().ocs_of(k.uplink).value, k.leaf.value, k.spine.value});
      out["moved"] = moved(*a.where, a.moved);
    }
  }
  void add_mesh(json& out, const fabric::placement& p) const {
    if (!p.shape.empty()) out["shape"] = text_of(p.shape);
    if constexpr (has_cubes) out["circuits"] = faces(p.faces);
  }
  /// Of circuits: the OCS, the cube of the + port, that of the − port.
  json faces(const std::vector<fabric::face_circuit>& all) const requires(has_cubes) {
    json out = json::array();
    for (const fabric::face_circuit& k : all)
      out.push_back({state_.fabric().ocs_of(k).value, k.from.value, k.to.value});
    return out;
  }

  /// [lower switch, upper switch, links] of each pair.
  template <class Link, class Lower, class Upper>
  static json pairs(const std::vector<Link>& all, Lower Link::*lower, Upper Link::*upper) {
    json out = json::array();
    for (std::size_t i = 0; i < all.size();) {
      std::size_t k = i;
      while (k < all.size() && all[k].*lower == all[i].*lower && all[k].*upper == all[i].*upper)
        ++k;
      out.push_back({(all[i].*lower).value, (all[i].*upper).value, k - i});
      i = k;
    }
    return out;
  }

  /// Of every uplink that a running job's circuit left or came to: the spine before and after.
  [[nodiscard]] json moved(const fabric::placement& mine,
                           const std::vector<fabric::circuit_move>& moves) const {
    struct change {
      std::optional<spine_id> before, after;
    };
    std::map<std::pair<leaf_id, std::uint32_t>, change> at;
    for (const fabric::circuit_move& m : moves) {
      at[{m.from.leaf, m.from.uplink}].before = m.from.spine;
      at[{m.to.leaf, m.to.uplink}].after = m.to.spine;
    }
    for (const fabric::circuit& k : mine.circuits)
      if (const auto found = at.find({k.leaf, k.uplink}); found != at.end())
        found->second.after = k.spine;
    const auto end = [](const std::optional<spine_id>& s) {
      return s ? json(s->value) : json(nullptr);
    };
    json out = json::array();
    for (const auto& [uplink, c] : at)
      out.push_back({state_.fabric().ocs_of(uplink.second).value, uplink.first.value, end(c.before),
                     end(c.after)});
    return out;
  }

  /// On tori: that neighbours of the mesh are joined by links and circuits of its own, over which all its
  /// flows go. Else every flow of three collectives, or of those that its links are for. Where all own their
  /// links the newcomer's flows are enough: that they meet nobody else's links is all that can have changed.
  bool verify(const std::string& where, job_id newcomer) const requires(!has_leafs) {
    const fabric::placement& p = *state_.find(newcomer);
    if (p.shape.empty()) return p.gpus.size() == 1;  // chips anywhere, over links of all
    bool twists = false;
    if constexpr (has_cubes) twists = options_.twisted && state_.fabric().twist_of(p.shape) > 0;
    if (const auto fault = place::mesh_fault(state_, newcomer, {p.shape, options_.closed, twists}))
      throw unmet_request(where + ": not isolated: " + *fault);
    return true;
  }
  bool verify(const std::string& where, job_id newcomer) const requires(has_leafs) {
    constexpr collective_set usual{collective::ring, collective::halving_doubling,
                                   collective::all_to_all};
    const collective_set mine = state_.find(newcomer)->enough_for.names;
    for (collective c : all_collectives) {
      if (!(mine.empty() ? usual : mine).contains(c)) continue;
      const auto found = route::verify_isolated(
          state_, [&](job_id j) { return kind_.isolates && j != newcomer ? collective::none : c; },
          route::source{});
      if (found) continue;
      if (kind_.isolates) throw unmet_request(where + ": not isolated: " + found.broken->message());
      return false;
    }
    return true;
  }

  json release(const std::string& where, const operation& op) {
    if (!known_.contains(op.job))
      throw input_error(where, "a job that was placed", "job " + std::to_string(op.job.value));
    state_.release(op.job);  // one that waits holds nothing
    known_.erase(op.job);
    return {{"job", op.job.value}, {"status", "released"}};
  }

  /// A job that a failure has hit goes to spare cubes, or anew to wherever the policy puts it.
  json move(const std::string& where, job_id job) {
    json out{{"job", job.value}};
    if constexpr (has_cubes) {
      if (!state_.find(job))
        throw input_error(where, "a job that holds something", "job " + std::to_string(job.value));
      if (!place::is_hit(state_, job)) {
        out["status"] = "stays";
        return out;
      }
      const std::vector<fabric::face_circuit> before = state_.find(job)->faces;
      const std::optional<place::spare_move> to = place::move_to_spares(state_, job);
      if (to) {
        (void)place::carry_out(state_, job, *to);
      } else {
        fabric::ledger<Fabric> without = state_;
        without.release(job);
        const operation& asked = known_.at(job);
        place::answer a = place::ask(policy_, std::as_const(without), request_of(asked));
        if (!a) {
          out["status"] = "stays";
          out["reason"] = place::name(a.why);
          out["proved"] = a.proved;
          return out;
        }
        if (without.reserve(job, std::move(*a.where), asked.tenant) !=
            fabric::reserve_status::reserved)
          throw unmet_request(where + ": " + std::string(kind_.name) +
                              " names what it may not have");
        state_ = std::move(without);
      }
      const fabric::placement& now = *state_.find(job);
      out["status"] = to ? "moved" : "placed";
      out["cubes"] = json::array();
      if (to)
        for (const auto& [from, spare] : to->cubes)
          out["cubes"].push_back({from.value, spare.value});
      std::vector<fabric::face_circuit> down, up;
      std::set_difference(before.begin(), before.end(), now.faces.begin(), now.faces.end(),
                          std::back_inserter(down));
      std::set_difference(now.faces.begin(), now.faces.end(), before.begin(), before.end(),
                          std::back_inserter(up));
      out["down"] = faces(down);
      out["up"] = faces(up);
      out["switching_ms"] = up.empty() ? 0.0 : 1000 * state_.fabric().equipment().switching_s;
      out["gpus"] = json::array();
      for (gpu_id g : now.gpus) out["gpus"].push_back(g.value);
      if (verify_) out["isolated"] = verify(where, job);
    }
    return out;  // the reader has refused it elsewhere
  }

  json change(const operation& op) {
    std::set<job_id> hit;
    const auto one = [&]<class Part>(const Part& part) {
      if constexpr (fabric::ledger<Fabric>::template knows<Part>) {
        if (op.kind == op_kind::repair) {
          state_.repair(part);
          return;
        }
        for (job_id j : state_.fail(part)) hit.insert(j);
      }  // the reader has refused what the fabric does not have
    };
    std::visit(
        [&]<class Part>(const Part& part) {
          if constexpr (std::is_same_v<Part, leaf_spine_pair>) {
            if constexpr (has_cores)
              for (int lane = 0; lane < state_.fabric().links(part.leaf, part.spine); ++lane)
                one(fabric::link{part.leaf, part.spine, static_cast<std::uint32_t>(lane)});
          } else if constexpr (std::is_same_v<Part, spine_core_pair>) {
            if constexpr (has_cores) {
              const int lanes =
                  state_.fabric().core_links().between(part.spine.index(), part.core.index());
              for (int lane = 0; lane < lanes; ++lane)
                one(fabric::core_link{part.spine, part.core, static_cast<std::uint32_t>(lane)});
            }
          } else {
            one(part);
          }
        },
        op.part);
    if (op.kind == op_kind::repair) return {{"status", "repaired"}};
    json out{{"status", "failed"}, {"hit", json::array()}};
    for (job_id j : hit) out["hit"].push_back(j.value);
    return out;
  }

  const named_place& kind_;
  bool verify_;
  place_options options_;
  place_function<Fabric> policy_;
  any_fabric named_;
  fabric::ledger<Fabric> state_;
  std::map<job_id, operation> known_;  // asked for and not released
};

/// Policies of fixed links run on the even wiring of an optical fabric.
any_fabric network_for(const named_place& kind, const cluster& c, const std::string& file) {
  if (!c.fabric.has_leafs() || kind.of_meshes()) {
    require_fabric(kind.name, c.fabric, "--policy");
    return c.fabric;
  }
  const fabric::leaf_spine_ocs* optical = c.fabric.circuits();
  if (kind.optical() && !optical)
    throw input_error(file, "a leaf_spine_ocs fabric for " + std::string(kind.name), "fixed links");
  if (kind.optical() || !optical) return c.fabric;
  if (const auto mesh = optical->mesh()) return *mesh;
  throw input_error(file,
                    "uplinks that divide evenly among the spines for " + std::string(kind.name),
                    std::to_string(c.fabric.uplinks()) + " uplinks and " +
                        std::to_string(c.fabric.spines()) + " spines");
}

template <class Fabric>
int run(const arguments& a, const named_place& kind, const Fabric& dc) {
  placer<Fabric> all{a, dc};

  const std::string name = a.ops == "-" ? "stdin" : a.ops;
  std::ifstream file;
  if (a.ops != "-") {
    file.open(a.ops);
    if (!file) throw input_error(name + ":1", "a readable file", "none");
  }
  std::istream& in = a.ops == "-" ? std::cin : file;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    std::cout << all.answer_to(name + ":" + std::to_string(number), line).dump() << std::endl;
  }
  if (!a.svg.empty()) {
    const std::string title = "Placed by " + std::string(kind.name);
    const auto note = [](job_id id) { return " (job " + std::to_string(id.value) + ")"; };
    std::string drawn;
    if constexpr (route::LeafSpineFabric<Fabric>)
      drawn = svg::fabric_picture(dc, all.state(), {.colour_all = true, .note = note}).draw(title);
    else
      drawn = svg::mesh_picture(dc, all.state(), note).draw(title);
    whole_files out;
    out.add(a.svg, svg::file(drawn));
    out.commit();
  }
  return done;
}

int run(arguments& a) {
  if (!a.policy.empty()) (void)find_place(a.policy, "--policy");
  const cluster c = read_cluster(a.cluster, model::catalogue{}, fabric_family::any);
  if (a.policy.empty())
    a.policy = c.fabric.torus() ? "folded" : c.fabric.cubes() ? "folded_reconfigured" : "vclos";
  const named_place& kind = find_place(a.policy, "--policy");
  require_links(c, std::string(kind.name), "--policy");
  return network_for(kind, c, a.cluster.path).on_any([&](const auto& dc) {
    return run(a, kind, dc);
  });
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-place", "Places jobs on a cluster: GPUs, links and circuits, or the reason why not.",
      argc, argv, [&](CLI::App& app) { add_options(app, a); }, [&] { return run(a); });
}
