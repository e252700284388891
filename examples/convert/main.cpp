// heddle-convert: files that clusters, schedulers and trace owners write, as heddle's own, and back.
//
//   heddle-convert cluster FILE > cluster.json
//   heddle-convert jobs FILE > jobs.csv
#include <vector>

#include "common/program.hpp"
#include "convert/command.hpp"

int main(int argc, char** argv) {
  using namespace heddle::examples;
  std::vector<command> commands;
  return run_program(
      "heddle-convert", "Converts descriptions of clusters and lists of jobs.", argc, argv,
      [&](CLI::App& app) {
        app.require_subcommand(1);
        commands = {cluster_command(app), jobs_command(app)};
      },
      [&] {
        for (const command& c : commands)
          if (c.app->parsed()) return c.run();
        return static_cast<int>(bad_input);
      });
}
