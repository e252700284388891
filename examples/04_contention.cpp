// Two jobs meet on links because hashes know nothing of one another; what that costs them; and how
// links of their own end it, with a proof.
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <vector>

#include <heddle/fabric/ledger.hpp>
#include <heddle/route/coloured.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/traffic/all_to_all.hpp>

using namespace heddle;

const fabric::leaf_spine network{
    {.leafs = 2, .spines = 16, .servers_per_leaf = 2, .gpus_per_server = 8}};

// Each job has eight GPUs under either leaf, and communicates for .3 s of a second.
std::vector<route::flow_job> two_jobs() {
  std::vector<route::flow_job> jobs(2);
  for (std::uint32_t j = 0; j < 2; ++j) {
    jobs[j] = {.id = job_id{j}, .where = {}, .source = {}, .compute_s = 0.7};
    for (gpu_id g : network.all_gpus())
      if (network.index_in_leaf(g) / 8 == static_cast<int>(j)) jobs[j].where.gpus.push_back(g);
    jobs[j].source = traffic::all_to_all{traffic::make_group(network, jobs[j].where.gpus), 2.5e8};
  }
  return jobs;
}

template <class Routing>
void show(const char* what, const std::vector<route::flow_job>& jobs, Routing routing) {
  route::flow_simulation simulate{network, routing};
  route::steady predict{network, routing};
  const auto measured = simulate(jobs);
  for (std::size_t j = 0; j < jobs.size(); ++j)
    predict.add(jobs[j].id, jobs[j].where, jobs[j].source,
                measured[j].undisturbed_s / (measured[j].undisturbed_s + jobs[j].compute_s));
  std::cout << std::left << std::setw(24) << what << std::fixed << std::setprecision(2);
  for (const auto& m : measured)
    std::cout << "  iteration " << m.iteration_s << " s, communication x"
              << m.communication_slowdown() << " (model x" << predict.slowdown(m.id) << ")";
  std::cout << '\n';
}

int main() {
  auto jobs = two_jobs();
  show("ECMP", jobs, route::ecmp{});
  show("source routing", jobs, route::source{});
  show("coloured", jobs, route::coloured{});

  // The same jobs with a virtual Clos of their own each.
  fabric::ledger ledger{network};
  for (auto& j : jobs) {
    for (int l = 0; l < 2; ++l)
      for (int s = 0; s < 8; ++s)
        j.where.links.push_back({leaf_id{l}, spine_id{8 * static_cast<int>(j.id.value) + s}, 0});
    if (ledger.reserve(j.id, j.where) != fabric::reserve_status::reserved) return 1;
  }
  show("links of their own", jobs, route::ecmp{});
  const auto proof = route::verify_isolated(
      ledger, [](job_id) { return collective::all_to_all; }, route::ecmp{});
  std::cout << (proof ? "isolated: " : "NOT isolated: ") << proof.flows_checked
            << " flows checked\n";
  return proof ? 0 : 1;
}
