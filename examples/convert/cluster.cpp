#include <memory>
#include <string>

#include <heddle/model/catalogue.hpp>

#include "common/cluster_file.hpp"
#include "common/json_file.hpp"
#include "common/program.hpp"
#include "convert/command.hpp"

namespace heddle::examples {

namespace {

struct arguments {
  std::string in = "-", out = "-";
};

int convert(const arguments& a) {
  const json_file file{a.in};
  (void)read_cluster(file, model::catalogue{});
  whole_files files;
  files.add(a.out, file.value().dump(2) + "\n");
  files.commit();
  return done;
}

}  // namespace

command cluster_command(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("cluster", "a network as cluster JSON");
  const auto a = std::make_shared<arguments>();
  sub->add_option("--in,in", a->in, "the network; - is standard input")->capture_default_str();
  sub->add_option("--out", a->out, "- is standard output")->capture_default_str();
  return {sub, [a] { return convert(*a); }};
}

}  // namespace heddle::examples
