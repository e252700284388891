// Forwarding tables that keep placed jobs apart: heddle-route --lft, --check and --compare.
#pragma once

#include <string>

#include "route/placed_job.hpp"

namespace heddle::examples {

struct table_arguments {
  std::string base;         ///< tables in force, as OpenSM dumps them
  std::string guids;        ///< the network now, ibnetdiscover's output
  std::string whole;        ///< the network when jobs were placed; empty: the same
  std::string jobs = "-";   ///< placed jobs
  std::string out = "-";    ///< new tables
  std::string settings;     ///< a directory for a file a job; empty: none
  std::string compare;      ///< tables read back, to be compared with those of `base`
  bool check = false;       ///< only say who is isolated now
  bool keep_going = false;  ///< jobs that cannot be isolated are routed as others and said
  placed_defaults otherwise = {};
};

/// \returns  exit status: 1 if a job is not isolated, or tables differ
int route_tables(const table_arguments& a);

}  // namespace heddle::examples
