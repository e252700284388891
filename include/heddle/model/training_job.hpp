// One kind of training and how fast it was seen to run.
#pragma once

#include <string>
#include <vector>

#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// A job's time model on one type of GPU.
struct training_profile {
  std::string gpu;  ///< name of a gpu_type
  powerflow_throughput time;
  bool has_network = true;  ///< false: measured on one GPU, α and β say nothing
  std::string source;       ///< where the points are from, and whether anything is derived
};

/// Facts of one kind of training. Plain data; the first profile is the one that others are scaled
/// from and has synchronisation.
struct training_job {
  std::string name;                        ///< lower case
  std::vector<std::string> aliases;        ///< names in public traces
  double default_local_batch = 1;          ///< samples per GPU and iteration
  double intensity = 1;                    ///< dynamic power against that of gpu_type::power, > 0
  std::vector<training_profile> profiles;  ///< at least one
  std::string source;                      ///< of the first profile, in short
};

}  // namespace heddle::model
