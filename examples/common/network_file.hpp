// Networks as clusters describe them: Slurm's topologies, topograph's models, ibnetdiscover's output.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/network_form.hpp>

#include "common/open_text.hpp"

namespace heddle::examples {

/// Where a network stands, and what its text does not say.
struct network_source {
  std::string path = {};
  std::string from = {};      ///< a form by name; empty: by content
  std::string option = {};    ///< that `from` was given by
  std::string topology = {};  ///< of several in a topology.yaml
  int gpus_per_server = 0;    ///< 0: not given, and so the others
  int spines = 0;             ///< above each leaf
  int links_per_pair = 0;
};

/// Adds the options that say what the text of a network does not, and `--cluster-from` or whatever `from` is
/// called for its form.
void add_network_options(CLI::App& app, network_source& s,
                         const std::string& from = "--cluster-from");

/// The form of a text, asked for or recognised. \throws input_error  if it is none of a network
[[nodiscard]] fabric::network_form form_of(open_text& text, const network_source& s);

/// A network that was read, and whether its links are known.
struct named_network {
  fabric::layout found;
  bool links_told = true;  ///< false: the text has names alone, and nobody said how many spines
};

/// \throws input_error  if an option says what heddle's own JSON says itself
void check_said(const std::string& file, const network_source& s);

/// Reads a network that is not heddle's own JSON.
/// \throws input_error  `file:line: expected …, got …`, and for options that the text needs or has no use for
[[nodiscard]] named_network read_network(open_text& text, fabric::network_form form,
                                         const network_source& s);

/// Says on standard error what a reader passed over, and which parts of the network no switch joins.
void tell_notes(const std::string& file, const named_network& n);

}  // namespace heddle::examples
