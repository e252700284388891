// SimGrid's flow model through its public interface, as a peer of route::max_min_rates and route::transfers.
#pragma once

#if HEDDLE_HAS_SIMGRID

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <simgrid/s4u.hpp>

#include <heddle/route/rates.hpp>

namespace heddle::bench {

/// SimGrid has one engine a process and wants the platform before it runs: links of 1 GB/s, and for
/// each flow a host of its own whose way to the centre of a star is the flow's links. Model CM02
/// without latencies and cross traffic, all else as it comes (lazy updates, precision 10^-5).
class simgrid_peer {
 public:
  simgrid_peer(std::size_t links, const route::flow_paths& flows) {
    namespace s4u = simgrid::s4u;
    static std::string name = "heddle", quiet = "--log=root.thres:error";
    static std::vector<char*> arguments{name.data(), quiet.data(), nullptr};
    static int count = 2;
    static s4u::Engine engine(&count, arguments.data());
    for (const char* o : {"network/model:CM02", "network/crosstraffic:0", "network/TCP-gamma:0"})
      s4u::Engine::set_config(std::string(o));
    engine_ = &engine;
    s4u::NetZone* star = s4u::create_star_zone("star");
    std::vector<s4u::Link*> all;
    for (std::size_t l = 0; l < links; ++l)
      all.push_back(star->create_link("link" + std::to_string(l), 1e9)->seal());
    const auto host = [&](const std::string& called, const std::vector<s4u::LinkInRoute>& up) {
      s4u::Host* h = star->create_host(called, 1.0);
      star->add_route(h->get_netpoint(), nullptr, nullptr, nullptr, up, false);
      star->add_route(nullptr, h->get_netpoint(), nullptr, nullptr, {}, false);
      return h;
    };
    centre_ = host("centre", {});
    for (std::size_t f = 0; f < flows.size(); ++f) {
      std::vector<s4u::LinkInRoute> up;
      for (std::uint32_t l : flows.links(f)) up.emplace_back(all[l]);
      senders_.push_back(host("host" + std::to_string(f), up));
    }
    star->seal();
  }

  /// Starts a flow of each size (in bytes) and tells the processor time in seconds that passes while
  /// the simulated time goes on by each of `steps` (in s) in turn.
  std::vector<double> time_steps(std::span<const double> sizes, std::span<const double> steps) {
    namespace s4u = simgrid::s4u;
    std::vector<double> out;
    s4u::Actor::create("sender", centre_, [&] {
      std::vector<s4u::CommPtr> sent;
      for (std::size_t f = 0; f < sizes.size(); ++f)
        sent.push_back(
            s4u::Comm::sendto_async(senders_[f], centre_, static_cast<std::uint64_t>(sizes[f])));
      for (double step : steps) {
        const std::clock_t start = std::clock();
        s4u::this_actor::sleep_for(step);
        out.push_back(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
      }
      for (const s4u::CommPtr& c : sent)
        if (!c->test()) c->cancel();
    });
    engine_->run();
    return out;
  }

 private:
  simgrid::s4u::Engine* engine_ = nullptr;
  simgrid::s4u::Host* centre_ = nullptr;
  std::vector<simgrid::s4u::Host*> senders_;
};

}  // namespace heddle::bench

#endif
