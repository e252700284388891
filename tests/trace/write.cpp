#include <heddle/trace/write.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <heddle/trace/jobs.hpp>

#include "support/dice.hpp"
#include "support/reader_samples.hpp"
#include "support/shared_data.hpp"

using namespace heddle;

namespace {

std::string written(const std::vector<job>& jobs) {
  std::ostringstream out;
  trace::write_csv(out, jobs);
  return out.str();
}
std::vector<job> read(const std::string& text) {
  std::istringstream in(text);
  return trace::read_jobs(in, "j.csv");
}

}  // namespace

TEST_CASE("a job of nccl sends rings and declares what else the library sends") {
  const auto jobs =
      read("job_id,submit_s,gpus,duration_s,collective\n0,0,4,100,nccl\n1,0,4,100,tree\n");
  CHECK(jobs[0].pattern == collective::ring);
  CHECK(jobs[0].declared() == nccl_collectives);
  CHECK_FALSE(jobs[0].declared().names.contains(collective::all_to_all));
  CHECK(jobs[1].declared() == declared{collective::tree});
}

TEST_CASE("jobs are written with every field") {
  CHECK(written({}) ==
        "job_id,submit_s,gpus,duration_s,model,local_batch,collective,comm_share,priority,weight,"
        "deadline_s,min_gpus,max_gpus,status,vc\n");
  CHECK(written(read(std::string(test::jobs_csv_sample))) ==
        "job_id,submit_s,gpus,duration_s,model,local_batch,collective,comm_share,priority,weight,"
        "deadline_s,min_gpus,max_gpus,status,vc\n"
        "3,0,8,1000,,,none,0,0,1,,1,,-1,\n"
        "7,1.5,4,100,bert,32,ring,0.25,-3,2.5,5000,2,16,1,\"team, a\"\n");
}

TEST_CASE("jobs that were written are read back and written to the same bytes") {
  const std::string letters = "ab ,\"\n\t;é";
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs(d.index(20));
    double now_s = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      job& j = jobs[i];
      const auto number = [&] { return std::ldexp(d.real() + .5, d.between(-40, 60)); };
      const auto text = [&] {
        std::string out;
        for (int n = d.between(0, 6); n > 0; --n) out += letters[d.index(letters.size())];
        // A field of blanks alone is an empty one.
        return trimmed(out).empty() ? std::string() : out;
      };
      j.id = job_id{i * 3};
      j.submit_s = now_s += d.real() * 100;
      j.gpus = d.between(1, 512);
      j.duration_s = number();
      j.model = text();
      if (d.chance(.5)) j.local_batch = number();
      j.pattern = static_cast<collective>(d.between(0, 3));
      if (j.pattern == collective::ring && d.chance(.5)) j.sends = nccl_collectives;
      j.comm_share = d.real();
      if (seed % 2) j.overlap = (1 - j.comm_share) * d.real();
      j.priority = d.between(-5, 5);
      j.weight = number();
      if (d.chance(.5)) j.deadline_s = number();
      j.min_gpus = d.between(1, 4);
      if (d.chance(.5)) j.max_gpus = d.between(4, 64);
      j.status = d.between(-1, 4);
      j.vc = text();
      if (seed % 3 == 0 && d.chance(.5))
        j.shape = j.gpus % 2 == 0 ? box_shape{2, j.gpus / 2} : box_shape{j.gpus, 1, 1};
    }
    const std::string once = written(jobs);
    CAPTURE(once);
    const auto again = read(once);
    REQUIRE(again == jobs);
    REQUIRE(written(again) == once);
  }
}

TEST_CASE("jobs that ask for types of GPUs are written with their names") {
  const std::vector<std::string> types{"v100", "a100, large"};
  const auto read_types = [&](const std::string& text) {
    std::istringstream in(text);
    return trace::read_jobs(in, "j.csv", {.gpu_types = types});
  };
  const auto jobs = read_types("job_id,submit_s,gpus,duration_s,gpu_type\n0,0,4,100,v100\n"
                               "1,0,4,100,any\n2,0,4,100,\"a100, large\"\n");
  std::ostringstream out;
  trace::write_csv(out, jobs, types);
  CHECK(out.str().find(",vc,gpu_type\n") != std::string::npos);
  CHECK(read_types(out.str()) == jobs);
  CHECK(jobs[0].gpu_type == 0);
  CHECK(jobs[1].gpu_type == any_gpu_type);
  CHECK(jobs[2].gpu_type == 1);
}

TEST_CASE("numbers are written with as few digits as bring them back") {
  job j;
  j.id = job_id{0};
  j.submit_s = 0.1;
  j.duration_s = 1e22;
  j.weight = 1.0 / 3;
  CHECK(written({j}).find("\n0,0.1,1,1e+22,,,none,0,0,0.3333333333333333,,1,,-1,\n") !=
        std::string::npos);
}

TEST_CASE("all shared traces survive being written and read") {
  HEDDLE_SHARED_FILE(directory, "data/jobs");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    CAPTURE(entry.path().string());
    std::ifstream in(entry.path());
    std::string columns;
    std::getline(in, columns);
    if (!columns.starts_with("job_id,submit_s,gpus,duration_s"))
      continue;  // shapes, shares, or work in steps: no trace of this kind
    in.seekg(0);
    const auto jobs = trace::read_jobs(in, entry.path().string());
    const std::string once = written(jobs);
    const auto again = read(once);
    CHECK(again == jobs);
    CHECK(written(again) == once);
    ++files;
  }
  CHECK(files == 6);
}
