// Rails, planes and three tiers: what each collective puts on cards, links and cores.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;

namespace {

constexpr collective shifts[] = {collective::ring,
                                 collective::all_to_all,
                                 collective::all_gather,
                                 collective::broadcast,
                                 collective::pipeline,
                                 collective::hierarchical_all_to_all,
                                 collective::halving_doubling};

struct network {
  int units = 2, servers = 2, gpus = 4, rails = 4, planes = 1;
  int pods = 1;     // of as many units each
  int spines = 8;   // of a pod and plane, shared by the rails
  int cores = 0;    // for each spine of a pod; 0: two tiers
  int down_to = 2;  // planes from this one on have no links up
  int domain_servers = 1;
};
leaf_spine make(const network& n) {
  const fabric::ports where{fabric::hosts{n.units, n.servers, n.gpus, n.domain_servers},
                            {.rails = n.rails, .planes = n.planes}};
  const int of_pod = n.planes * n.spines, spines = n.pods * of_pod;
  std::vector<int> up, core;
  for (leaf_id l : where.all_leafs())
    for (int s = 0; s < spines; ++s)
      up.push_back(s / of_pod == static_cast<int>(where.unit_of(l).value) / (n.units / n.pods) &&
                   s % of_pod / n.spines == where.plane_of(l) && where.plane_of(l) < n.down_to);
  fabric::clos_parts parts{.ports = where,
                           .up = fabric::tier_links{where.leafs(), spines, std::move(up)}};
  if (n.cores > 0) {
    for (int s = 0; s < spines; ++s)
      for (int c = 0; c < of_pod * n.cores; ++c) core.push_back(c / n.cores == s % of_pod);
    parts.core = fabric::tier_links{spines, of_pod * n.cores, std::move(core)};
  }
  return leaf_spine{parts};
}

std::vector<gpu_id> gpus(int first, int count) {
  std::vector<gpu_id> out;
  for (int g = first; g < first + count; ++g) out.push_back(gpu_id{g});
  return out;
}
// The first `q` GPUs of each of `s` servers.
std::vector<gpu_id> parts_of_servers(const leaf_spine& dc, int s, int q) {
  std::vector<gpu_id> out;
  for (int k = 0; k < s; ++k)
    for (int g = 0; g < q; ++g) out.push_back(gpu_id{k * dc.gpus_per_server() + g});
  return out;
}

// The most flows of a network card over all phases.
int most_of_a_card(const traffic::group& ranks, collective c) {
  route::card_counter cards;
  std::vector<traffic::flow> flows;
  int most = 0;
  const auto all = traffic::source_of(c, ranks, 1.0);
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    most = std::max(most, cards(ranks, flows).card);
  }
  return most;
}
bool is_power(int n) { return (n & (n - 1)) == 0; }

struct one_phase {
  std::vector<traffic::flow> flows;
  [[nodiscard]] std::size_t size() const { return 1; }
  traffic::phase write(std::size_t, std::vector<traffic::flow>& out) const {
    out = flows;
    return {.bytes = 1e6};
  }
};

// Every flow over the spine of its destination's slot, where there are fewer spines around these.
struct by_destination {
  template <class View>
  route::path operator()(const View& v, const traffic::flow& f) const {
    return {spine_id{v.ranks.slots[f.target] % static_cast<std::uint32_t>(v.fabric.spines())}, 0,
            0};
  }
};
int most_of_a_link(const leaf_spine& dc, const traffic::group& ranks, collective c) {
  const route::link_numbers links{dc};
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{dc, links, ranks, none};
  std::vector<traffic::flow> flows;
  int most = 0;
  by_destination policy;
  const auto all = traffic::source_of(c, ranks, 1.0);
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    std::vector<int> load(links.size(), 0);
    (void)route::for_each_link(policy, v, std::span<const traffic::flow>{flows},
                               [&](std::uint32_t l) { most = std::max(most, ++load[l]); });
  }
  return most;
}

// For each rail the most flows of a phase out of, or into, a unit, in units of those of the busiest card.
std::vector<int> widest_units(const leaf_spine& dc, const traffic::group& ranks,
                              const traffic::any_source& all) {
  std::vector<int> width(static_cast<std::size_t>(dc.rails()), 0);
  route::card_counter cards;
  std::vector<traffic::flow> flows;
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    const int card = std::max(1, cards(ranks, flows).card);
    std::vector<int> out(static_cast<std::size_t>(dc.leafs()), 0), in = out;
    for (const traffic::flow f : flows) {
      const gpu_id from = ranks.gpus[f.source], to = ranks.gpus[f.target];
      if (dc.unit_of(from) == dc.unit_of(to)) continue;
      const leaf_id up = dc.leafs_of(dc.unit_of(from)).front(),
                    down = dc.leafs_of(dc.unit_of(to)).front();
      const auto rail = static_cast<std::size_t>(dc.rail_of(to));
      int& w = width[rail];
      w = std::max({w, (++out[up.index() + rail] + card - 1) / card,
                    (++in[down.index() + rail] + card - 1) / card});
    }
  }
  return width;
}

std::string verdict(const ledger& l, collective c) {
  const auto found = route::verify_isolated(
      l, [&](job_id) { return c; }, route::ecmp{});
  return found ? "isolated" : found.broken->message();
}

}  // namespace

TEST_CASE("theorem R: on rails each card sends and receives one flow of a phase at most") {
  for (int g : {2, 4, 8})
    for (int s = 2; s <= 9; ++s)
      for (int q = 1; q <= g; ++q) {
        CAPTURE(g);
        CAPTURE(s);
        CAPTURE(q);
        const leaf_spine dc = make({.units = 5, .servers = 2, .gpus = g, .rails = g});
        const traffic::group ranks =
            traffic::make_group(dc, q == g ? gpus(0, s * g) : parts_of_servers(dc, s, q));
        for (collective c : shifts) {
          CAPTURE(name(c));
          if (c == collective::halving_doubling && !is_power(q))
            CHECK(most_of_a_card(ranks, c) <= 2);
          else if (ranks.size() > g || c != collective::ring)  // else it goes both ways
            CHECK(most_of_a_card(ranks, c) == 1);
        }
        CHECK(most_of_a_card(ranks, collective::tree) <= 5);
      }
}

TEST_CASE(
    "theorem R has conditions: of 8 + 3 GPUs 15 of 48 flows would change rails, and that is told") {
  const leaf_spine dc = make({.units = 1, .servers = 4, .gpus = 8, .rails = 8, .spines = 1});
  const traffic::group ranks = traffic::make_group(dc, gpus(0, 11));
  std::vector<traffic::flow> flows;
  int across = 0, lost = 0;
  const traffic::all_to_all all{ranks, 1};
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    for (const traffic::flow f : flows) {
      if (ranks.servers[f.source] == ranks.servers[f.target]) continue;
      ++across;
      const std::uint32_t entry = ranks.entry(f.source, f.target);
      lost += ranks.leafs[entry] != ranks.leafs[f.target];
    }
  }
  CHECK(across == 48);
  CHECK(lost == 15);

  ledger l{dc};
  REQUIRE(l.reserve(job_id{1}, {gpus(0, 11)}) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{2}, {gpus(16, 11)}) == reserve_status::reserved);
  CHECK(verdict(l, collective::all_to_all) != "isolated");
  CHECK(verdict(l, collective::ring) == "isolated");  // one way round it stays on its rails
  // Equal servers never meet, whatever they send.
  ledger equal{dc};
  REQUIRE(equal.reserve(job_id{1}, {parts_of_servers(dc, 2, 6)}) == reserve_status::reserved);
  REQUIRE(equal.reserve(job_id{2}, {gpus(16, 16)}) == reserve_status::reserved);
  CHECK(verdict(equal, collective::all_to_all) == "isolated");
  CHECK(verdict(equal, collective::tree) == "isolated");
}

TEST_CASE("theorem D: over the spine of the destination's slot no link has two flows, with its "
          "conditions") {
  for (int m : {2, 3, 4})
    for (int n : {1, 2, 3, 4}) {
      CAPTURE(m);
      CAPTURE(n);
      const leaf_spine dc{{.leafs = m, .spines = n, .servers_per_leaf = 1, .gpus_per_server = n}};
      const traffic::group ranks = traffic::make_group(dc, gpus(0, m * n));
      for (collective c : shifts) {
        CAPTURE(name(c));
        if (c == collective::halving_doubling && !is_power(m * n)) continue;
        CHECK(most_of_a_link(dc, ranks, c) == 1);
      }
    }
  const leaf_spine dc{{.leafs = 3, .spines = 3, .servers_per_leaf = 1, .gpus_per_server = 3}};
  const traffic::group ranks = traffic::make_group(dc, gpus(0, 9));
  CHECK(most_of_a_link(dc, ranks, collective::halving_doubling) == 2);
  std::vector<gpu_id> mixed = gpus(0, 9);
  std::swap(mixed[0], mixed[4]);
  CHECK(most_of_a_link(dc, traffic::make_group(dc, mixed), collective::all_to_all) > 1);

  // Two leafs of a > b over b spines: any N, halving-doubling among them.
  for (int a = 2; a < 20; ++a)
    for (int b = 1; b < a; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      const leaf_spine two{{.leafs = 2, .spines = b, .servers_per_leaf = a, .gpus_per_server = 1}};
      for (bool wide_first : {false, true}) {
        const traffic::group both =
            traffic::make_group(two, wide_first ? gpus(0, a + b) : gpus(a - b, a + b));
        for (collective c : shifts) {
          CAPTURE(name(c));
          CHECK(most_of_a_link(two, both, c) <= (c == collective::ring && a + b == 2 ? 2 : 1));
        }
      }
    }
  // Trees: five flows on a link where a card has four.
  int fuller = 0;
  for (int m = 2; m <= 8; ++m)
    for (int n = 2; n <= 8; ++n) {
      const leaf_spine even{{.leafs = m, .spines = n, .servers_per_leaf = n, .gpus_per_server = 1}};
      const traffic::group all = traffic::make_group(even, gpus(0, m * n));
      fuller += most_of_a_card(all, collective::tree) == 4 &&
                most_of_a_link(even, all, collective::tree) == 5;
    }
  CHECK(fuller > 0);
}

TEST_CASE(
    "theorem W: spines in common for the most flows of a unit on a rail are enough, in tiers too") {
  int jobs = 0, narrow = 0, no_links = 0, broken = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const bool railed = d.chance(.7), tiers = d.chance(.4);
    const int pods = tiers ? 2 : 1, units = pods * d.between(2, 3), servers = d.between(1, 4);
    const network shape{.units = units,
                        .servers = servers,
                        .gpus = 4,
                        .rails = railed ? (d.chance(.7) ? 4 : 2) : 1,
                        .planes = d.between(1, 2),
                        .pods = pods,
                        .spines = 4 * servers,
                        .cores = tiers ? 4 * units : 0,
                        .domain_servers = d.chance(.2) ? 2 : 1};
    const leaf_spine dc = make(shape);
    // Units of any sizes, from the first on.
    fabric::placement p;
    std::vector<int> leafs_of_pod(static_cast<std::size_t>(pods), 0);
    std::vector<unit_id> used;
    for (unit_id x : dc.all_units()) {
      const int n = d.between(0, servers);
      if (n == 0) continue;
      used.push_back(x);
      ++leafs_of_pod[x.index() / static_cast<std::size_t>(units / pods)];
      for (int k = 0; k < n; ++k)
        for (gpu_id g :
             dc.gpus_of(server_id{dc.servers_of(x).front().value + static_cast<std::uint32_t>(k)}))
          p.gpus.push_back(g);
    }
    if (used.size() < 2) continue;
    const traffic::group ranks = traffic::make_group(dc, p.gpus);
    for (collective c : all_collectives) {
      CAPTURE(name(c));
      const std::vector<int> width = widest_units(dc, ranks, traffic::source_of(c, ranks, 1.0));
      const auto verdict_over = [&](int less) {
        fabric::placement own = p;
        for (unit_id x : used)
          for (leaf_id l : dc.leafs_of(x)) {
            const int w = width[static_cast<std::size_t>(dc.rail_of(l))] - less;
            int k = 0;
            for (spine_id s : dc.all_spines())
              if (dc.links(l, s) > 0 && k++ < w) own.links.push_back({l, s, 0});
          }
        // In each pod from every spine to as many cores of its group as the fullest pod has leafs there.
        const int q = *std::max_element(leafs_of_pod.begin(), leafs_of_pod.end()) * dc.rails();
        for (spine_id s : dc.all_spines()) {
          int k = 0;
          for (core_id core : dc.all_cores())
            if (dc.core_links().between(s.index(), core.index()) > 0 && k++ < q)
              own.core_links.push_back({s, core, 0});
        }
        if (own.links.empty()) own.core_links.clear();
        ledger l{dc};
        REQUIRE(l.reserve(job_id{1}, own) == reserve_status::reserved);
        no_links += own.links.empty();
        return verdict(l, c);
      };
      ++jobs;
      for (int w : width) narrow += w > 0 && w < 4 * servers / dc.rails();
      REQUIRE(verdict_over(0) == "isolated");
      if (*std::min_element(width.begin(), width.end()) > 1) {
        CHECK(verdict_over(1) != "isolated");
        ++broken;
      }
    }
  }
  CHECK(jobs > 2500);
  CHECK(narrow > 1000);
  CHECK(broken > 100);
}

TEST_CASE("theorem P: 512 GPUs on empty pods of 256 are isolated, rails, planes and cores or not") {
  for (const network& n :
       {network{
            .units = 16, .servers = 4, .gpus = 8, .rails = 1, .pods = 2, .spines = 32, .cores = 8},
        network{
            .units = 4, .servers = 16, .gpus = 8, .rails = 8, .pods = 2, .spines = 16, .cores = 16},
        network{.units = 4,
        .servers = 16,
        .gpus = 8,
        .rails = 8,
        .planes = 2,
        .pods = 2,
        .spines = 16,
        .cores = 16}}) {
    CAPTURE(n.rails);
    CAPTURE(n.planes);
    const leaf_spine dc = make(n);
    REQUIRE(dc.gpus() == 512);
    REQUIRE(dc.pods()->pods() == 2);
    ledger l{dc};
    place::vclos policy;
    const place::answer a = policy(l, {job_id{1}, 512});
    REQUIRE(a);
    CHECK(a.where->links.size() == static_cast<std::size_t>(512 * n.planes));
    CHECK(a.where->core_links.size() == static_cast<std::size_t>(512 * n.planes));
    REQUIRE(l.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(verdict(l, collective::ring) == "isolated");
    CHECK(verdict(l, collective::halving_doubling) == "isolated");
    CHECK(verdict(l, collective::hierarchical_all_to_all) == "isolated");

    // A static table gives each flow the way that it has by itself, in every plane.
    const traffic::group ranks = traffic::make_group(dc, a.where->gpus);
    const route::static_table table{dc, ranks, route::owned{dc, *a.where}, collective::ring};
    CHECK(!table.rows().empty());
    bool over_core = false;
    for (const auto& row : table.rows()) over_core |= row.way.core.valid();
    CHECK(over_core);
    CHECK(table.rows().back().plane == n.planes - 1);

    // Nobody else is slowed down by it, nor it by others.
    route::steady<route::ecmp> model{dc, route::ecmp{}};
    model.add(job_id{1}, *a.where, collective::halving_doubling, 1);
    CHECK(model.slowdown(job_id{1}) == 1);
    route::steady<route::ecmp> shared{dc, route::ecmp{}};
    shared.add(job_id{1}, {a.where->gpus}, collective::all_to_all, 1);
    CHECK(shared.slowdown(job_id{1}) > 1);
  }
}

TEST_CASE("where the core is tapered no place is found, and the cut that is too narrow is told") {
  const leaf_spine dc =
      make({.units = 16, .servers = 4, .gpus = 8, .rails = 1, .pods = 2, .spines = 32, .cores = 2});
  const ledger l{dc};
  place::vclos policy;
  CHECK(policy(l, {job_id{1}, 256}));
  CHECK(policy(l, {job_id{1}, 32 * 4}));
  const place::answer a = policy(l, {job_id{1}, 512});
  REQUIRE_FALSE(a);
  CHECK(a.why == place::wait_reason::tapered);
  CHECK(a.proved);
  CHECK(a.cut == place::narrow_cut{place::narrow_cut::tier::core, 64, 256});
  const leaf_spine narrow =
      make({.units = 16, .servers = 4, .gpus = 8, .rails = 1, .pods = 2, .spines = 16, .cores = 8});
  const place::answer b = policy(ledger{narrow}, {job_id{1}, 512});
  CHECK(b.why == place::wait_reason::tapered);
  CHECK(b.cut == place::narrow_cut{place::narrow_cut::tier::leaf, 16, 32});
}

TEST_CASE("a plane that is out leaves the others' part of a card's rate") {
  for (int planes : {2, 4}) {
    CAPTURE(planes);
    const double slow = static_cast<double>(planes) / (planes - 1);
    // One whose links are missing, on a network that jobs share.
    const leaf_spine broken =
        make({.units = 2, .rails = 1, .planes = planes, .down_to = planes - 1});
    const traffic::group ranks = traffic::make_group(broken, gpus(0, 16));
    const one_phase shift{[] {
      std::vector<traffic::flow> f;
      for (std::uint32_t i = 0; i < 16; ++i) f.push_back({i, (i + 8) % 16});
      return f;
    }()};
    route::steady<route::source> model{broken, route::source{}};
    model.add(job_id{1}, {gpus(0, 16)}, shift, 1);
    CHECK(model.slowdown(job_id{1}) == doctest::Approx(slow));
    route::flow_simulation<route::source> flows{broken, route::source{}};
    const std::vector<route::flow_job> one{
        {.id = job_id{1}, .where = {gpus(0, 16)}, .source = shift}};
    CHECK(flows(one).front().communication_slowdown() == doctest::Approx(slow));

    // One that fails: an isolated job does without it.
    const leaf_spine dc = make({.units = 2, .rails = 1, .planes = planes, .down_to = planes});
    ledger l{dc};
    for (unit_id x : dc.all_units())
      l.fail(leaf_id{(x.value + 1) * static_cast<std::uint32_t>(planes) - 1});
    place::vclos policy;
    const place::answer a = policy(l, {job_id{1}, 16});
    REQUIRE(a);
    CHECK(a.where->links.size() == static_cast<std::size_t>(16 * (planes - 1)));
    REQUIRE(l.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(verdict(l, collective::all_to_all) == "isolated");
    route::flow_simulation<route::ecmp> own{dc, route::ecmp{}};
    const std::vector<route::flow_job> job{{.id = job_id{1}, .where = *a.where, .source = shift}};
    CHECK(own(job).front().communication_slowdown() == doctest::Approx(slow));
    // With all planes it is as fast as its cards.
    const place::answer whole = policy(ledger{dc}, {job_id{1}, 16});
    const std::vector<route::flow_job> all{
        {.id = job_id{1}, .where = *whole.where, .source = shift}};
    CHECK(own(all).front().communication_slowdown() == doctest::Approx(1));
  }
}

TEST_CASE(
    "inside an NVLink domain no card is used, and a hierarchical collective goes by domains") {
  const leaf_spine dc =
      make({.units = 2, .servers = 4, .gpus = 4, .rails = 4, .domain_servers = 4});
  const traffic::group one = traffic::make_group(dc, gpus(0, 16));
  for (collective c : shifts) CHECK(most_of_a_card(one, c) == 0);
  const traffic::group two = traffic::make_group(dc, gpus(0, 32));
  const traffic::ring by_domain{two, 1};
  REQUIRE(by_domain.size() ==
          3);  // 16 consecutive ranks inside, the same one of each domain across
  std::vector<traffic::flow> flows;
  CHECK(by_domain.write(1, flows).repeat == 2);
  CHECK(flows.front() == traffic::flow{0, 16});
  for (collective c : shifts) CHECK(most_of_a_card(two, c) <= 1);
  // On the way to the card of another GPU a flow is on NVLink too.
  route::card_counter cards;
  const std::vector<traffic::flow> up{{0, 17}};
  CHECK(cards(two, up).inside == 1);
  CHECK(two.entry(0, 17) == 1);
}
