#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "slurm_pilot/gpus_of_job.hpp"

namespace {
using namespace heddle::pilot;
}  // namespace

TEST_CASE("lists of resources are counted in GPUs alone") {
  struct row {
    const char* text;
    int gpus;
    const char* types;
    int shares = 0;
  };
  // clang-format off
  const row rows[]{{"gres:gpu:8", 8, ""}, {"gpu:a100:4,gpu:v100:2,nic:2", 6, "a100 v100"},
                   {"gpu:a100:4(S:0-1,2),shard:16", 4, "a100", 16}, {"gres/gpu=3", 3, ""},
                   {"gpu", 1, ""}, {"gpu:a100", 1, "a100"}, {"gpumem:4", 0, ""}, {"", 0, ""},
                   {"gpu:1g.5gb:7,gpu:2g.10gb:3(S:0)", 10, "1g.5gb 2g.10gb"}, {"gpu:1g.5gb", 1, "1g.5gb"},
                   {"cpu=8,mem=64G,node=1,billing=8,gres/gpu=4,gres/gpu:type1=4", 4, "type1"},
                   {"gres/gpu:a=2,gres/gpu:b=3", 5, "a b"}, {"gres/gpu=5,gres/gpu:a=2", 5, "a"},
                   {"gres/gpumem=4,gres/gpuutil=3,gres/nic=2", 0, ""}, {"gpu(S:0-1)", 1, ""}, {"(null)", 0, ""},
                   {"gpu:tesla:no_consume:2", 2, "tesla"}, {"gpu:2K", 2048, ""}, {"gpu:a100:1kb", 1000, "a100"},
                   {"gres/shard:2K", 0, "", 2048}, {"gres/mps=50", 0, "", 50}, {"N/A", 0, ""},
                   {"gres/gpu:a100:4", 4, "a100"}, {"gpu:99999999999", 1000000, ""},
                   {"craynetwork:4,gpu:h100_sxm:8(S:0-1)", 8, "h100_sxm"}, {"gpu:0", 0, ""}};
  // clang-format on
  for (const row& r : rows) {
    CAPTURE(r.text);
    const gpu_list l = read_gres(r.text);
    CHECK(l.gpus == r.gpus);
    CHECK(l.shares == r.shares);
    std::string types;
    for (const auto& [type, n] : l.of)
      if (!type.empty()) types += (types.empty() ? "" : " ") + type;
    CHECK(types == r.types);
  }
  CHECK(read_gres("gpu:a100:3(IDX:0-1,7)").numbers == std::vector<int>{0, 1, 7});
  CHECK(read_gres("gpu:a:2(IDX:0-1),nic:1(IDX:5),gpu:b:1(IDX:3)").numbers ==
        std::vector<int>{0, 1, 3});
  CHECK(read_gres("shard:2(IDX:1)").share_numbers == std::vector<int>{1});
  CHECK(read_gres("gpu:0(IDX:N/A)").numbers.empty());
  CHECK(read_gres("gpu:0(IDX:N/A)").told);
  CHECK(read_gres("gpu:4(IDX:0-1)").numbers.empty());  // two of four: not to be relied on
  CHECK(!read_gres("cpu=8,mem=64G").told);
}

TEST_CASE("the GPUs of a job are found in whichever field tells them") {
  const auto asks = [](gpu_fields f) {
    job_report j;
    set_gpus_asked(j, f);
    return std::tuple{j.gpus, j.gpus_told, j.odd};
  };
  const auto told = [](int n) { return std::tuple{n, true, std::string{}}; };
  CHECK(asks({.per_job = "gres:gpu:16", .nodes = 4, .tasks = 4}) == told(16));
  CHECK(asks({.per_node = "gres/gpu:4", .nodes = 5, .tasks = 5}) == told(20));
  CHECK(asks({.per_task = "gres:gpu:1", .nodes = 1, .tasks = 16}) == told(16));
  CHECK(asks({.per_task = "gres:gpu:2", .nodes = 3}) == told(6));  // a task on each node
  CHECK(asks({.per_task = "gres:gpu:1", .requested = "gres/gpu=8", .nodes = 2}) == told(8));
  CHECK(asks({.per_socket = "gres/gpu:2", .nodes = 3, .sockets = 2}) == told(12));
  CHECK(asks({.per_socket = "gres/gpu:2", .requested = "cpu=2,gres/gpu=4", .nodes = 1}) == told(4));
  CHECK(asks({.requested = "cpu=8,gres/gpu=4", .nodes = 1}) == told(4));
  CHECK(asks({.requested = "cpu=8", .nodes = 1}) == told(0));
  CHECK(!std::get<1>(asks({.per_socket = "gres/gpu:2", .nodes = 3})));
  CHECK(std::get<2>(asks({.per_node = "gpu:a:1,gpu:b:1"})) == "it asks for GPUs of several types");
  CHECK(std::get<2>(asks({.per_node = "gres/shard:3"})) ==
        "it asks for parts of GPUs (shard, mps)");

  job_report by_socket;
  set_gpus_asked(by_socket, {.per_socket = "gres/gpu:2", .nodes = 3, .sockets = 2});
  CHECK(by_socket.gpus_each == 4);  // of each node

  const auto holds = [](int nodes, gpu_fields f) {
    job_report j{.nodes = std::vector<std::string>(static_cast<std::size_t>(nodes), "n")};
    set_gpus_held(j, f);
    return std::tuple{j.gpus, j.gpus_told, j.gpus_on};
  };
  using row = std::tuple<int, bool, std::vector<int>>;
  CHECK(holds(2, {.detail = {"gpu:2(IDX:0-1)", "gpu:1(IDX:3)"}}) == row{3, true, {2, 1}});
  // What it holds comes before what it asked for.
  CHECK(holds(1, {.per_job = "gpu:8", .allocated = "cpu=1,gres/gpu=4"}) == row{4, true, {4}});
  CHECK(holds(2, {.per_job = "gpu:8", .detail = {"gpu:2", ""}}) == row{2, true, {2, 0}});
  CHECK(holds(2, {.per_node = "gpu:4", .nodes = 1}) == row{8, true, {4, 4}});
  CHECK(holds(2, {.per_job = "gpu:5"}) == row{5, true, {}});
  CHECK(holds(1, {.requested = "gres/gpu=4"}) == row{4, true, {4}});
  // Of several that were asked for, the largest counts.
  CHECK(holds(2, {.per_job = "gpu:5", .per_task = "gpu:1", .tasks = 8}) == row{8, true, {}});
  CHECK(holds(1, {.allocated = "cpu=8,mem=64G,node=1,billing=8", .detail = {""}}) ==
        row{0, false, {}});
  CHECK(holds(1, {}) == row{0, false, {}});
  CHECK(holds(1, {.per_node = "gres/shard:2"}) == row{0, false, {}});
  CHECK(holds(1, {.per_node = "gres/shard:2", .detail = {"shard:2(IDX:1)"}}) == row{1, true, {1}});
  CHECK(holds(1, {.allocated = "gres/gpu=0"}) == row{0, true, {0}});
}
