// What the fuzzers feed: every reader, on any bytes.
//
// A target reads its input and checks what must hold whatever the bytes: they are read into what
// the rest of the library can work with, or refused by an input_error of one line; nothing else may
// come out. A broken promise aborts, as a sanitizer's finding does.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/islands.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/fabric/link_book.hpp>
#include <heddle/fabric/read_hosts_csv.hpp>
#include <heddle/fabric/read_ibnetdiscover.hpp>
#include <heddle/fabric/read_topograph.hpp>
#include <heddle/fabric/read_topology_conf.hpp>
#include <heddle/fabric/read_topology_yaml.hpp>
#include <heddle/trace/availability.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/philly.hpp>
#include <heddle/trace/published.hpp>
#include <heddle/trace/recognise.hpp>
#include <heddle/trace/swf.hpp>
#include <heddle/trace/write.hpp>

#include "support/reader_samples.hpp"

namespace heddle::fuzz {

inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// Calls `read`, which may refuse. \returns whether it accepted
template <class Read>
bool reads(const Read& read) {
  try {
    read();
    return true;
  } catch (const input_error& e) {
    const std::string_view text = e.what();
    must(text.find('\n') == std::string_view::npos, "an error is one line");
    must(text.find(": expected ") != std::string_view::npos, "an error says what was expected");
    must(!e.where().empty() && !e.got().empty(), "an error says where and what");
    return false;
  }
}

/// That jobs are what the simulator takes, and survive being written.
inline void check_jobs(const std::vector<job>& jobs) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const job& j = jobs[i];
    must(j.id.valid() && j.gpus >= 1, "a job has an id and GPUs");
    must(j.duration_s > 0 && std::isfinite(j.duration_s), "a job has a run time");
    must(j.submit_s >= 0 && std::isfinite(j.submit_s), "a job has a submission");
    must(j.min_gpus >= 1 && j.max_gpus >= j.min_gpus, "a job has an elastic range");
    must(j.weight > 0 && j.comm_share >= 0 && j.comm_share < 1, "a job has a weight and a share");
    must(i == 0 || jobs[i - 1].submit_s <= j.submit_s, "jobs are sorted");
  }
  std::ostringstream once, twice;
  trace::write_csv(once, jobs);
  std::istringstream in(once.str());
  const auto again = trace::read_jobs(in, "again");
  must(again == jobs, "jobs that were written are read back");
  trace::write_csv(twice, again);
  must(once.str() == twice.str(), "jobs are written to the same bytes");
}

inline void check_published(const trace::published_jobs& t) {
  const trace::read_report& r = t.report;
  must(r.found == r.read + r.never_ran + r.no_gpus + r.no_time + r.running, "the report adds up");
  must(r.read == t.jobs.size() && t.names.size() == t.jobs.size(), "every job has a name");
  must(t.jobs.empty() || t.jobs.front().submit_s == 0, "time begins with the first job");
  for (std::size_t i = 0; i < t.jobs.size(); ++i) must(t.jobs[i].id.index() == i, "ids are dense");
  check_jobs(t.jobs);
}

inline void check_layout(const fabric::layout& l) {
  for (const auto& leaf : l.leafs)
    must(leaf.links.size() == l.spines.size(), "a leaf names its links to every spine");
  must(l.cores.empty() ? l.core_links.empty() : l.core_links.size() == l.spines.size(),
       "spines name their links to every core");
  // leaf_spine may refuse what has no GPU or odd rails, and must take all else.
  reads([&] {
    const fabric::leaf_spine dc{l};
    must(dc.leafs() == static_cast<int>(l.leafs.size()), "all leafs are there");
    const fabric::islands all{dc, fabric::link_book{dc}};
    for (std::size_t k = 0; k < all.size() && !all.all_joined(); ++k)
      for (unit_id x : all.units(k))
        must(all.joined(all.units(k).front(), x), "an island is joined");
  });
}

template <class Use>
bool with_text(const std::uint8_t* data, std::size_t size, const Use& use) {
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  return reads([&] { use(in); });
}

inline bool jobs_csv(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) { check_jobs(trace::read_jobs(in, "f")); });
}
template <const trace::trace_format& format>
bool published(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) {
    check_published(trace::read_published(in, "f", format));
  });
}
/// Two tables, apart by a line of two signs.
inline bool alibaba_2020(const std::uint8_t* data, std::size_t size) {
  const std::string both(reinterpret_cast<const char*>(data), size);
  const auto middle = both.find("\n%%\n");
  std::istringstream tasks(both.substr(0, middle));
  std::istringstream jobs(middle == std::string::npos ? std::string() : both.substr(middle + 4));
  return reads([&] {
    check_published(middle == std::string::npos
                        ? trace::read_published(tasks, "f", trace::alibaba_2020)
                        : trace::read_alibaba_2020(tasks, "f", jobs, "g"));
  });
}
inline bool philly(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size,
                   [](std::istream& in) { check_published(trace::read_philly(in, "f")); });
}
inline void check_workload_log(const trace::published_jobs& t) {
  std::ostringstream out;
  trace::write_swf(out, t.jobs, t.origin_s);
  std::istringstream in(out.str());
  must(trace::read_swf(in, "again").jobs.size() == t.jobs.size(), "a workload log is read back");
}
inline bool swf(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) {
    const auto t = trace::read_swf(in, "f");
    check_published(t);
    check_workload_log(t);
  });
}
/// Any text: recognised, and read as what it was recognised as.
inline bool recognise(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(trace::looks_like(text));
  const auto sources = trace::sources_of(text);
  must(sources.size() <= 2, "a text has few sources");
  bool all = !sources.empty();
  for (trace::job_source s : sources)
    all &= reads([&] {
      std::istringstream in(text);
      const auto t = trace::read_source(s, in, "f", text);
      if (s == trace::job_source::csv)
        check_jobs(t.jobs);
      else
        check_published(t);
    });
  return all;
}
inline bool availability(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) {
    const auto a = trace::read_availability(in, "f");
    std::vector<bool> up(a.nodes);
    double now_s = 0;
    for (const node_event& e : a.events) {
      must(e.node < a.nodes && up[e.node] != e.up && e.time_s >= now_s,
           "an event changes its node");
      up[e.node] = e.up;
      now_s = e.time_s;
    }
    for (const node_event& e : a.on(3).events) must(e.node < 3, "a cluster has its servers only");
  });
}
inline bool topology_conf(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) {
    check_layout(fabric::read_topology_conf(
        in, "f", [](const std::string& host) { return static_cast<int>(host.size() % 3); }));
  });
}
inline bool topology_yaml(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) {
    check_layout(fabric::read_topology_yaml(in, "f", 2, {.spines_per_leaf = 2}));
  });
}
inline bool topograph(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size,
                   [](std::istream& in) { check_layout(fabric::read_topograph(in, "f", 2)); });
}
inline bool hosts_csv(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size,
                   [](std::istream& in) { check_layout(fabric::read_hosts_csv(in, "f", 2)); });
}
inline bool ibnetdiscover(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const bool plain = reads([&] {
    std::istringstream in(text);
    check_layout(fabric::read_ibnetdiscover(in, "f"));
  });
  reads([&] {
    std::istringstream in(text);
    check_layout(
        fabric::read_ibnetdiscover(in, "f", fabric::one_per_card{}, {.split_hosts = true}));
  });
  // Where the strict reader finds nothing to refuse, the lenient one does not either.
  const bool lenient = reads([&] {
    std::istringstream in(text);
    check_layout(fabric::read_ibnetdiscover(in, "f", fabric::one_per_card{},
                                            {.leave_out_slow_links = true}));
  });
  must(lenient || !plain, "leniency refuses nothing more");
  return plain;
}

/// Whatever is read is read back from what it is written as.
inline bool lft(const std::uint8_t* data, std::size_t size) {
  return with_text(data, size, [](std::istream& in) {
    const fabric::lft_dump one = fabric::read_lft(in, "f");
    std::ostringstream out;
    fabric::write_lft(out, one);
    std::istringstream again(out.str());
    const fabric::lft_dump two = fabric::read_lft(again, "again");
    must(one.switches == two.switches, "the same switches");
    must(one.tables.lids() >= two.tables.lids(), "no other LIDs");
    for (std::uint32_t lid = 0; lid < one.tables.lids(); ++lid)
      for (std::uint32_t s = 0; s < one.tables.switches(); ++s)
        must(one.tables.port(s, lid) ==
                 (lid < two.tables.lids() ? two.tables.port(s, lid) : fabric::forwarding::none),
             "the same ports");
  });
}

struct target {
  std::string_view name;
  bool (*run)(const std::uint8_t*, std::size_t);
  std::string seed;
};

/// All targets with a good input of each.
inline std::vector<target> targets() {
  const auto text = [](std::string_view t) { return std::string(t); };
  return {
      {"jobs_csv", jobs_csv, text(test::jobs_csv_sample)},
      {"helios", published<trace::helios>, text(test::helios_sample)},
      {"acme", published<trace::acme>, text(test::acme_sample)},
      {"itp", published<trace::itp>, text(test::itp_sample)},
      {"alibaba_2023", published<trace::alibaba_2023>, text(test::alibaba_2023_sample)},
      {"alibaba_2020", alibaba_2020,
       text(test::alibaba_2020_tasks_sample) + "\n%%\n" + text(test::alibaba_2020_jobs_sample)},
      {"sacct", published<trace::sacct>, text(test::sacct_sample)},
      {"philly", philly, text(test::philly_sample)},
      {"swf", swf, text(test::swf_sample)},
      {"recognise", recognise, text(test::sacct_sample)},
      {"availability", availability, text(test::availability_sample)},
      {"topology_conf", topology_conf, text(test::topology_conf_sample)},
      {"topology_yaml", topology_yaml, text(test::topology_yaml_sample)},
      {"topograph", topograph, text(test::topograph_sample)},
      {"hosts_csv", hosts_csv, text(test::hosts_csv_sample)},
      {"ibnetdiscover", ibnetdiscover, text(test::ibnetdiscover_sample)},
      {"lft", lft, text(test::lft_sample)},
  };
}

}  // namespace heddle::fuzz
