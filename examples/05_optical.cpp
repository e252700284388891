// A job that a fixed Clos network must refuse, although it has the GPUs and the ports, and that
// optical circuit switches let in: the free ports are patched together where the job needs them.
#include <iostream>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/vclos.hpp>

using namespace heddle;

constexpr job_id a{0}, b{1}, c{2};

// A line a leaf: its GPUs by owner, and for each uplink the owner and the spine at its other end.
void draw(const char* title, const auto& state) {
  const auto& dc = state.fabric();
  const auto letter = [](job_id j) { return j.valid() ? static_cast<char>('A' + j.value) : '.'; };
  std::cout << title << '\n';
  for (leaf_id l : dc.all_leafs()) {
    std::vector<std::string> uplinks(static_cast<std::size_t>(dc.uplinks()), "  .  ");
    for (const auto& [job, p] : state.placements()) {
      const auto show = [&](leaf_id at, std::uint32_t uplink, spine_id s) {
        if (at == l)
          uplinks[uplink] = {' ', letter(job), '-', 's', static_cast<char>('0' + s.value)};
      };
      for (const fabric::circuit& k : p.circuits) show(k.leaf, k.uplink, k.spine);
      for (const fabric::link& k : p.links) show(k.leaf, k.spine.value * 2 + k.lane, k.spine);
    }
    std::cout << "  leaf " << l.value << "  GPUs ";
    dc.for_each_gpu(l, [&](gpu_id g) { std::cout << letter(state.owner(g)); });
    std::cout << "  uplinks";
    for (const std::string& u : uplinks) std::cout << u << ' ';
    std::cout << '\n';
  }
}

// Jobs A and B, four GPUs each, as earlier jobs that came and went have left them.
void occupy(auto& state, auto owned) {
  for (job_id j : {a, b}) {
    fabric::placement p;
    for (leaf_id l : id_range<leaf_id>{2 * j.value, 2 * j.value + 2})
      for (std::uint32_t k : {0u, 1u}) {
        p.gpus.push_back(gpu_id{l.value * 4 + k});
        (p.*owned).push_back({l, spine_id{j.value}, k});
      }
    if (state.reserve(j, p) != fabric::reserve_status::reserved) std::cout << "cannot reserve\n";
  }
}

int main() {
  // Four leafs of four GPUs, two spines, four OCS: a fibre from each leaf to each, two from each spine.
  const fabric::leaf_spine_ocs optical{{.leafs = 4,
                                        .spines = 2,
                                        .switches = 4,
                                        .spine_fibres = 2,
                                        .servers_per_leaf = 1,
                                        .gpus_per_server = 4}};
  const fabric::leaf_spine fixed = *optical.mesh();  // the same ports, two links between each pair
  fabric::ledger clos{fixed};
  fabric::ledger patched{optical};
  occupy(clos, &fabric::placement::links);
  occupy(patched, &fabric::placement::circuits);

  draw("Fixed links, eight GPUs wanted for job C:", clos);
  const place::answer no = place::vclos{}(clos, {c, 8});
  std::cout << "  -> " << name(no.why)
            << ": leafs 0 and 1 can reach spine 1 alone, 2 and 3 spine 0\n\n";

  draw("Optical switches, the same jobs:", patched);
  const place::answer yes = place::ocs_vclos{}(patched, {c, 8});
  if (!yes || patched.reserve(c, *yes.where) != fabric::reserve_status::reserved) return 1;
  std::cout << '\n';
  draw("With circuits set up for job C:", patched);
  std::cout << "  -> " << yes.where->circuits.size() << " circuits set up, " << yes.moved.size()
            << " of other jobs moved, " << optical.optical().switching_ms << " ms\n";
  return no ? 1 : 0;
}
