#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;
using nlohmann::json;

/// Two leafs and spines crossed at both OCS; wanted is each pair once.
const std::string crossed =
    R"({"ocs": 2, "leafs": 2, "spines": 2, "leaf_fibres": 1, "spine_fibres": 1,
 "current": [[0, 0, 1], [0, 1, 0], [1, 0, 1], [1, 1, 0]],
 "want": [[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]])";

}  // namespace

TEST_CASE("heddle-rewire sets up the two circuits that must be and keeps the frozen one") {
  const scratch_dir dir;
  const std::string in = dir.write("in.json", crossed + R"(, "frozen": [[1, 0, 1]]})");
  const outcome o = run("heddle-rewire", in);
  REQUIRE(o.status == 0);
  const json r = json::parse(o.out);
  CHECK(r["status"] == "ok");
  CHECK(r["circuits"] == json::parse("[[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]"));
  CHECK(r["kept"] == 2);
  CHECK(r["set_up"] == 2);
  CHECK(r["torn_down"] == 2);
  CHECK(r["lower_bound"] == 2);
  CHECK(r["solve_us"].get<double>() > 0);
  CHECK(!r.contains("witness"));
  // Nobody wants the two circuits of OCS 0 any more: they make room in the same step.
  CHECK(r["plan"] == json::parse(R"({"detours": 0, "time_ms": 50, "steps": [
    {"down": [[0, 0, 1], [0, 1, 0]], "up": [[0, 0, 0], [0, 1, 1]], "paused": []}]})"));

  REQUIRE(run("heddle-rewire", "--in - --out " + dir / "out.json" + " --seed 3 < " + in).status ==
          0);
  CHECK(json::parse(content_of(dir / "out.json"))["circuits"] == r["circuits"]);
}

TEST_CASE("heddle-rewire plans the way in steps and says who pauses") {
  const scratch_dir dir;
  const std::string full = dir.write("full.json", R"({
    "ocs": 2, "leafs": 3, "spines": 3, "spine_fibres": 1,
    "current": [[0, 0, 2], [0, 1, 0], [0, 2, 1], [1, 0, 1], [1, 1, 2], [1, 2, 0]],
    "want": [[0, 0, 1], [0, 2, 1], [1, 1, 1], [1, 2, 1], [2, 0, 1], [2, 1, 1]]})");
  outcome o = run("heddle-rewire", "--switching-ms 10 " + full);
  REQUIRE(o.status == 0);
  // No fibre is idle: the circuit of leaf 0 and spine 2 goes dark before its successor can be up.
  CHECK(json::parse(o.out)["plan"] == json::parse(R"({"detours": 0, "time_ms": 30, "steps": [
    {"down": [[0, 1, 0], [1, 0, 1]], "up": [], "paused": []},
    {"down": [[0, 0, 2]], "up": [[0, 0, 0], [0, 1, 2]], "paused": [[0, 2, 1]]},
    {"down": [[1, 1, 2]], "up": [[1, 0, 2], [1, 1, 1]], "paused": [[0, 2, 1]]}]})"));
  const std::string same = dir.write("same.json", R"({"ocs": 1, "leafs": 1, "spines": 1,
    "current": [[0, 0, 0]], "want": [[0, 0, 1]]})");
  o = run("heddle-rewire", same);
  CHECK(json::parse(o.out)["plan"]["steps"].empty());
  CHECK(json::parse(o.out)["plan"]["time_ms"] == 0);
}

TEST_CASE("heddle-rewire answers what cannot be wired with a witness and status 1") {
  const scratch_dir dir;
  outcome o = run("heddle-rewire", dir.write("a.json", R"({"ocs": 1, "leafs": 1, "spines": 2,
    "current": [], "want": [[0, 0, 1], [0, 1, 1]]})"));
  CHECK(o.status == 1);
  json r = json::parse(o.out);
  CHECK(r["status"] == "unrealizable");
  CHECK(r["witness"]["kind"] == "leaf");
  CHECK(r["witness"]["leaf"] == 0);
  CHECK(r["witness"]["wanted"] == 2);
  CHECK(r["witness"]["possible"] == 1);
  CHECK(r["witness"]["proved"] == true);
  CHECK(r["circuits"].empty());

  o = run("heddle-rewire", dir.write("b.json", crossed + R"(, "frozen": [[0, 0, 1], [1, 0, 1]]})"));
  CHECK(o.status == 1);
  r = json::parse(o.out);
  CHECK(r["witness"]["kind"] == "frozen");
  CHECK(r["witness"]["spine"] == 1);
}

TEST_CASE("heddle-rewire gives circuits between pods their spines as evenly as can be") {
  const scratch_dir dir;
  const std::string pods = R"({"leafs": 4, "leafs_per_pod": 2, "spines": 2,
    "want": [[0, 2, 2], [0, 3, 2], [1, 2, 2], [3, 1, 2]]})";
  const outcome o = run("heddle-rewire", "--design pods " + dir.write("pods.json", pods));
  REQUIRE(o.status == 0);
  const json r = json::parse(o.out);
  CHECK(r["status"] == "ok");
  CHECK(r["circuits"].size() == 8);
  CHECK(r["most"] == 2);
  CHECK(r["lower_bound"] == 2);
  for (const json& k : r["circuits"]) CHECK(k[0].get<int>() / 2 != k[1].get<int>() / 2);

  const auto refusal = [&](const std::string& want) {
    const std::string in = dir.write(
        "bad.json", R"({"leafs": 4, "leafs_per_pod": 2, "spines": 2, "want": )" + want + "}");
    const outcome bad = run("heddle-rewire", "--design pods " + in);
    CHECK(bad.status == 2);
    return bad.err;
  };
  CHECK(refusal("[[0, 1, 1]]").find(":1: expected leafs of two pods, got [0,1,1]\n") !=
        std::string::npos);
  CHECK(refusal("[[0, 2, 1], [2, 0, 1]]").find("expected two leafs once, got [2,0,1] again\n") !=
        std::string::npos);
  CHECK(refusal("[[0, 4, 1]]").find("here below 4, got 4\n") != std::string::npos);
  CHECK(run("heddle-rewire", "--design rings").status == 2);
}

TEST_CASE("heddle-rewire says in one line what is wrong and writes nothing") {
  const scratch_dir dir;
  const auto fails = [&](const std::string& text, const std::string& message) {
    const outcome o =
        run("heddle-rewire", "--in " + dir.write("in.json", text) + " --out " + dir / "out.json");
    CHECK(o.status == 2);
    CHECK(o.err == "heddle-rewire: " + dir / "in.json" + message + "\n");
    CHECK(o.out.empty());
    CHECK(dir.entries() == 1);
  };
  fails("[]", ":1: expected an object with ocs, leafs, spines, current and want, got []");
  fails("{\"ocs\": 2,\n\"leafs\": -1}", ":2: expected leafs, an integer of at least 0, got -1");
  fails("{\"ocs\": 2, \"leafs\": 1, \"spines\": 1}", ":1: expected want, an array, got nothing");
  fails("{\"ocs\": 2, \"leafs\": 1, \"spines\": 1, \"leaf_fibres\": 0}",
        ":1: expected leaf_fibres, an integer from 1 to 255, got 0");
  fails("{\"ocs\": 2, \"leafs\": 1, \"spines\": 1,\n\"want\": [[0, 0, 1],\n[0, 0, 1]]}",
        ":3: expected a leaf and spine once, got [0,0,1] again");
  fails("{\"ocs\": 2, \"leafs\": 1, \"spines\": 1,\n\"want\": [[0, 1, 1]]}",
        ":2: expected [leaf, spine, count], integers of at least 0, here below 1, got 1");
  fails("{\"ocs\": 2, \"leafs\": 1, \"spines\": 1,\n\"want\": [[0, 0, 1.5]]}",
        ":2: expected [leaf, spine, count], integers of at least 0, got 1.5");
  fails("{\"ocs\": 2, \"leafs\": 1, \"spines\": 2, \"want\": [],\n\"current\": [[0, 0, 0],\n [0, "
        "0, 1]]}",
        ":3: expected a free fibre of the leaf to the OCS, got OCS 0, leaf 0, spine 1");
  fails(crossed + ",\n\"frozen\": [[0, 0, 0]]}",
        ":4: expected a circuit of the current wiring, got OCS 0, leaf 0, spine 0");
  CHECK(run("heddle-rewire", dir / "missing.json").status == 2);
  CHECK(run("heddle-rewire", "--effort many").status == 2);
  CHECK(run("heddle-rewire", "--help").status == 0);
  CHECK(run("heddle-rewire", "--version").out.find("heddle-rewire ") == 0);
}

TEST_CASE("a program writes through links and into devices and replaces neither") {
  namespace fs = std::filesystem;
  const scratch_dir dir;
  const std::string in = dir.write("in.json", crossed + "}");
  const std::string kept = dir.write("kept.json", "before");
  fs::create_symlink(kept, dir / "link.json");
  REQUIRE(run("heddle-rewire", in + " --out " + dir / "link.json").status == 0);
  CHECK(fs::is_symlink(dir / "link.json"));
  CHECK(json::parse(content_of(kept))["set_up"] == 2);
  // A link to the device: where the device itself is taken for a file, only the link is lost.
  fs::create_symlink("/dev/null", dir / "nothing");
  REQUIRE(run("heddle-rewire", in + " --out " + dir / "nothing").status == 0);
  CHECK(fs::is_symlink(dir / "nothing"));
  CHECK(fs::is_character_file(dir / "nothing"));
  CHECK(dir.entries() == 4);
}
