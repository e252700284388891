#include <heddle/schedule/decision_text.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <heddle/schedule/decision_log.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using schedule::decision;

namespace {

fabric::link random_link(test::dice& d) {
  return {leaf_id{d.between(0, 9)}, spine_id{d.between(0, 9)},
          static_cast<std::uint32_t>(d.between(0, 5))};
}
fabric::circuit random_circuit(test::dice& d) {
  const fabric::link k = random_link(d);
  return {k.leaf, k.spine, k.lane};
}
fabric::placement random_placement(test::dice& d) {
  fabric::placement p;
  for (int i = d.between(1, 20); i-- > 0;) p.gpus.push_back(gpu_id{d.between(0, 40)});
  for (int i = d.between(0, 6); i-- > 0;) p.links.push_back(random_link(d));
  for (int i = d.between(0, 6); i-- > 0;) p.circuits.push_back(random_circuit(d));
  if (d.chance(.5))
    for (int i = d.between(0, 3); i-- > 0;) p.shape.add(d.between(1, 300));
  for (int i = d.between(0, 6); i-- > 0;)
    p.faces.push_back({unit_id{d.between(0, 9)}, unit_id{d.between(0, 1)},
                       static_cast<std::uint16_t>(d.between(0, 1)),
                       static_cast<std::uint16_t>(d.between(0, 5))});
  if (d.chance(.5))
    for (collective c : all_collectives)
      if (d.chance(.3)) p.enough_for.names.add(c);
  p.enough_for.width = d.chance(.2) ? d.between(1, 9) : 0;
  return p;
}
model::operating_point random_point(test::dice& d) {
  return {.config = {.gpus = d.between(1, 99),
                     .servers = d.between(1, 9),
                     .local_batch = d.real() * 99,
                     .clock_ghz = d.real() * 2},
          .throughput = d.real() / 3,
          .power_w = 1e-7 + 1e6 * d.real(),
          .waiting_power_w = d.real()};
}
std::vector<fabric::circuit_move> random_moves(test::dice& d) {
  std::vector<fabric::circuit_move> out;
  for (int i = d.between(0, 2); i-- > 0;)
    out.push_back({job_id{d.between(0, 99)}, random_circuit(d), random_circuit(d)});
  return out;
}
decision random_decision(test::dice& d) {
  decision x;
  const auto id = [&] { return job_id{d.between(0, 1000)}; };
  for (int i = d.between(0, 2); i-- > 0;) x.stops.push_back(id());
  for (int i = d.between(0, 2); i-- > 0;)
    x.resizes.push_back(
        {id(), random_point(d), random_placement(d), d.chance(.5), random_moves(d)});
  for (int i = d.between(0, 2); i-- > 0;)
    x.starts.push_back({id(), random_point(d), random_placement(d), random_moves(d)});
  for (int i = d.between(0, 7); i-- > 0;)
    x.waiting.push_back({id(), static_cast<place::wait_reason>(i), d.chance(.5)});
  for (int i = d.between(0, 2); i-- > 0;) x.servers_on.push_back(server_id{d.between(0, 9)});
  for (int i = d.between(0, 2); i-- > 0;) x.servers_off.push_back(server_id{d.between(0, 9)});
  if (d.chance(.3)) x.again_s = 1e9 * d.real();
  return x;
}

std::string refusal(const std::string& log) {
  std::istringstream in(log);
  try {
    (void)schedule::read_log(in, "log");
  } catch (const input_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a log of decisions reads back as the same decisions to the last bit") {
  test::dice d{7};
  std::ostringstream out;
  schedule::decision_log log{out};
  std::vector<schedule::logged> written;
  for (int i = 0; i < 500; ++i) {
    written.push_back({d.real() * 1e7, random_decision(d)});
    log.write(written.back().at_s, written.back().decided);
  }
  std::istringstream in(out.str());
  std::size_t bytes = 0;
  CHECK(schedule::read_log(in, "log", &bytes) == written);
  CHECK(bytes == out.str().size());
  // Cut anywhere, it holds the decisions that are whole.
  for (std::size_t at = out.str().find('\n') + 1; at < out.str().size(); at += 997) {
    std::istringstream part(out.str().substr(0, at));
    const auto read = schedule::read_log(part, "log", &bytes);
    REQUIRE(read.size() <= written.size());
    REQUIRE(std::equal(read.begin(), read.end(), written.begin()));
    REQUIRE(bytes <= at);
    std::istringstream again(out.str().substr(0, bytes));
    REQUIRE(schedule::read_log(again, "log") == read);
  }
}

TEST_CASE("a decision is printed as lines") {
  decision d;
  d.stops.push_back(job_id{7});
  d.starts.push_back({job_id{9},
                      test::point(2, 2, 600),
                      {{gpu_id{4}, gpu_id{5}, gpu_id{9}},
                       {{leaf_id{0}, spine_id{1}, 0}, {leaf_id{0}, spine_id{1}, 1}}}});
  d.starts.push_back(
      {job_id{8},
       test::point(1, 1, 300),
       {{gpu_id{1}}, {}, {{leaf_id{1}, spine_id{4}, 0}, {leaf_id{1}, spine_id{4}, 1}}},
       {{job_id{3}, {leaf_id{0}, spine_id{4}, 1}, {leaf_id{0}, spine_id{4}, 7}}}});
  d.waiting.push_back({job_id{1}, place::wait_reason::gpu_fragmentation, false});
  d.servers_off.push_back(server_id{3});
  std::ostringstream out;
  out << d;
  CHECK(out.str() ==
        "stop 7\nstart 9 point 2 1 1 1 2 600 150 gpus 4-5,9 links 0.1.0-1\n"
        "start 8 point 1 1 1 1 1 300 75 gpus 1 circuits 1.4.0-1 rewired 3:0.4.1>0.4.7\n"
        "wait 1 gpu_fragmentation\noff 3\n");
}

TEST_CASE("a placement on cubes is printed with its shape and the circuits between faces") {
  decision d;
  fabric::placement p{.gpus = {gpu_id{0}, gpu_id{1}}, .shape = {2, 1, 1}};
  for (std::uint16_t k : {0, 1, 2, 5}) p.faces.push_back({unit_id{3}, unit_id{4}, 1, k});
  p.faces.push_back({unit_id{4}, unit_id{4}, 1, 6});
  d.starts.push_back({job_id{9}, test::point(2, 2, 600), p});
  std::ostringstream out;
  out << d;
  CHECK(out.str() ==
        "start 9 point 2 1 1 1 2 600 150 gpus 0-1 shape 2x1x1 faces 3>4:1.0-2,3>4:1.5,4>4:1.6\n");
}

TEST_CASE("a damaged log is refused with the line") {
  const std::string head = "heddle decisions 1\n";
  CHECK(refusal("") == "log:1: expected \"heddle decisions 1\", got \"\"");
  CHECK(refusal("heddle decisions 2\n").find("log:1") == 0);
  CHECK(refusal(head + "stop 3\nend\n") ==
        "log:2: expected the time of a decision, got \"stop 3\"");
  CHECK(refusal(head + "at 1\nfly 3\nend\n").find("log:3: expected stop, resize") == 0);
  CHECK(refusal(head + "at 1\nstop x\n") == "log:3: expected a job, got \"x\"");
  CHECK(refusal(head + "at 1\nstop 3 4\n") == "log:3: expected the end of the line, got \" 4\"");
  CHECK(refusal(head + "at 1\nstart 3 point 1 1 1 1 1 1 1 gpus 5-2\n").find("GPUs that rise") !=
        std::string::npos);
  CHECK(refusal(head + "at 1\nwait 3 bored\n").find("a reason to wait") != std::string::npos);
}
