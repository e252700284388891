// What heddle-convert can do: one subcommand a kind of file.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

namespace heddle::examples {

/// A subcommand: adds itself and its options to the program, and is run if it was the one asked for.
struct command {
  CLI::App* app = nullptr;   ///< its part of the command line
  std::function<int()> run;  ///< \returns the exit status
};

/// `heddle-convert cluster FILE`: a network as cluster JSON.
[[nodiscard]] command cluster_command(CLI::App& app);

/// `heddle-convert jobs FILE`: accounting or a published trace as jobs CSV, or as a workload log.
[[nodiscard]] command jobs_command(CLI::App& app);

}  // namespace heddle::examples
