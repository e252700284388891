// A job that a fixed Clos network must refuse, although it has the GPUs and the ports, and that
// optical circuit switches let in: the free ports are patched together where the job needs them.
#include <iostream>
#include <string>
#include <type_traits>
#include <vector>

#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/vclos.hpp>

using namespace heddle;

namespace {

constexpr job_id a{0}, b{1}, c{2};

// A line a leaf: its GPUs by owner, and for each uplink the owner and the spine at its other end.
template <class Fabric, class UplinkOf>
void draw(const char* title, const fabric::ledger<Fabric>& state, UplinkOf uplink_of) {
  const Fabric& dc = state.fabric();
  const auto letter = [](job_id j) { return j.valid() ? static_cast<char>('A' + j.value) : '.'; };
  std::cout << title << '\n';
  for (leaf_id l : dc.all_leafs()) {
    std::vector<std::string> uplinks(static_cast<std::size_t>(dc.uplinks()), "  .  ");
    for (const auto& [job, p] : state.placements())
      for (const auto& k : uplink_of(p))
        if (k.leaf == l)
          uplinks[k.uplink] = std::string(" ") + letter(job) + "-s" + std::to_string(k.spine.value);
    std::cout << "  leaf " << l.value << "  GPUs ";
    dc.for_each_gpu(l, [&](gpu_id g) { std::cout << letter(state.owner(g)); });
    std::cout << "  uplinks";
    for (const std::string& u : uplinks) std::cout << u << ' ';
    std::cout << '\n';
  }
}
// Of circuits they are told; of fixed links it is two for each spine.
const auto circuits_of = [](const fabric::placement& p) { return p.circuits; };
const auto links_of = [](const fabric::placement& p) {
  std::vector<fabric::circuit> out;
  for (const fabric::link& k : p.links)
    out.push_back({k.leaf, k.spine, k.spine.value * 2 + k.lane});
  return out;
};

// Jobs A and B, four GPUs each, as earlier jobs that came and went have left them.
template <class Fabric>
void occupy(fabric::ledger<Fabric>& state) {
  for (job_id j : {a, b}) {
    fabric::placement p;
    for (leaf_id l : id_range<leaf_id>{2 * j.value, 2 * j.value + 2})
      for (std::uint32_t k : {0u, 1u}) {
        p.gpus.push_back(gpu_id{l.value * 4 + k});
        if constexpr (std::is_same_v<Fabric, fabric::leaf_spine_ocs>)
          p.circuits.push_back({l, spine_id{j.value}, k});
        else
          p.links.push_back({l, spine_id{j.value}, k});
      }
    if (state.reserve(j, p) != fabric::reserve_status::reserved) std::cout << "cannot reserve\n";
  }
}

}  // namespace

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
  occupy(clos);
  occupy(patched);

  draw("Fixed links, eight GPUs wanted for job C:", clos, links_of);
  const place::answer no = place::vclos{}(clos, {c, 8});
  std::cout << "  -> " << name(no.why)
            << ": leafs 0 and 1 can reach spine 1 alone, 2 and 3 spine 0\n\n";

  draw("Optical switches, the same jobs:", patched, circuits_of);
  const place::answer yes = place::ocs_vclos{}(patched, {c, 8});
  if (!yes || patched.reserve(c, *yes.where) != fabric::reserve_status::reserved) return 1;
  std::cout << '\n';
  draw("With circuits set up for job C:", patched, circuits_of);
  std::cout << "  -> " << yes.where->circuits.size() << " circuits set up, " << yes.moved.size()
            << " of other jobs moved, " << optical.optical().switching_ms << " ms\n";
  return no ? 1 : 0;
}
