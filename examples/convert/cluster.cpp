#include <memory>
#include <string>

#include <heddle/model/catalogue.hpp>

#include "common/clos_json.hpp"
#include "common/cluster_file.hpp"
#include "common/json_file.hpp"
#include "common/network_file.hpp"
#include "common/program.hpp"
#include "convert/command.hpp"
#include "convert/slurm_text.hpp"

namespace heddle::examples {

namespace {

struct arguments {
  network_source in;
  std::string out = "-", to = "json";
};

int convert(const arguments& a) {
  open_text text{a.in.path};
  const fabric::network_form form = form_of(text, a.in);
  std::string out;
  if (form == fabric::network_form::json) {
    check_said(text.name(), a.in);
    const json_file file{text.name(), text.all()};
    const cluster c = read_cluster(file, model::catalogue{}, fabric_family::any);
    if (a.to == "json") {
      out = file.value().dump(2) + "\n";
    } else if (!c.fabric.has_leafs()) {
      throw unmet_request(c.where + ": topology.conf knows trees of switches, and " + c.kind +
                          (c.kind == "cubes" ? " have" : " has") + " chips linked to one another");
    } else if (!c.fabric.fixed() || c.kind != "leaf_spine") {
      throw unmet_request(c.where + ": topology.conf knows no optical switches");
    } else {
      out = slurm_text(has_layout(file) ? read_layout(file) : layout_of(file, *c.fabric.fixed()),
                       text.name());
    }
  } else {
    const named_network read = read_network(text, form, a.in);
    tell_notes(text.name(), read);
    if (a.to == "json") {
      nlohmann::ordered_json j = json_of(read.found);
      if (!read.links_told) j["links_told"] = false;
      out = j.dump(2) + "\n";
    } else {
      out = slurm_text(read.found, text.name());
    }
  }
  whole_files files;
  files.add(a.out, out);
  files.commit();
  return done;
}

}  // namespace

command cluster_command(CLI::App& app) {
  CLI::App* sub =
      app.add_subcommand("cluster", "a network as cluster JSON, or as Slurm's topology.conf");
  const auto a = std::make_shared<arguments>();
  a->in.path = "-";
  sub->add_option("--in,in", a->in.path, "the network, in any form; - is standard input")
      ->capture_default_str();
  sub->add_option("--out", a->out, "- is standard output")->capture_default_str();
  sub->add_option("--to", a->to, "what to write")
      ->check(CLI::IsMember({"json", "topology.conf"}))
      ->capture_default_str();
  add_network_options(*sub, a->in, "--from");
  return {sub, [a] { return convert(*a); }};
}

}  // namespace heddle::examples
