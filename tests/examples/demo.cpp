#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/xml_check.hpp"

namespace {

namespace fs = std::filesystem;
using heddle::test::xml_check;

/// A directory of its own, removed at the end.
class scratch {
 public:
  scratch() {
    std::string name = (fs::temp_directory_path() / "heddle-demo-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;

  [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  REQUIRE_MESSAGE(in, "no " << file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

struct ran {
  int status;
  std::string out, err;
};

/// Runs heddle-demo with its outputs caught in `where`.
ran demo(const scratch& where, const std::string& arguments) {
  const fs::path out = where / "stdout", err = where / "stderr";
  const std::string command = "'" HEDDLE_BIN_DIR "/heddle-demo' " + arguments + " >'" +
                              out.string() + "' 2>'" + err.string() + "'";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(out), read(err)};
}

std::string into(const scratch& where, const std::string& name) {
  return "--out '" + (where / name).string() + "'";
}

std::vector<std::string> files_in(const fs::path& dir) {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(dir)) out.push_back(entry.path().filename());
  std::sort(out.begin(), out.end());
  return out;
}

const std::string quick = " --jobs 120 --runs 2";
const std::vector<std::string> written{"demo_cubes.svg",    "demo_energy.svg", "demo_fabric.svg",
                                       "demo_gpus.svg",     "demo_jct.svg",    "demo_queue.svg",
                                       "demo_slowdown.svg", "report.html"};

}  // namespace

TEST_CASE("heddle-demo prints two aligned tables and writes a page and its plots") {
  const scratch here;
  const ran r = demo(here, into(here, "out") + quick);
  CHECK(r.status == 0);
  CHECK(r.err == "");
  CHECK(files_in(here / "out") == written);

  for (const char* words : {"spread + ECMP",
                            "packed + ECMP",
                            "packed + balanced ECMP",
                            "packed + source routing",
                            "vclos (isolated)",
                            "ideal network",
                            "mean JCT",
                            "mean JRT",
                            "mean JWT",
                            "slow-down",
                            "fragmentation",
                            "requested, vclos",
                            "powerflow, vclos",
                            "100 %, ",
                            "85 %, ",
                            "70 %, ",
                            "energy",
                            "MWh",
                            "each job of 240 ran exactly as long as on the ideal network",
                            "Against packed + ECMP, jobs under vclos run",
                            "powerflow against requested"}) {
    INFO(words);
    std::string flat = r.out;
    std::replace(flat.begin(), flat.end(), '\n', ' ');
    CHECK(flat.find(words) != std::string::npos);
  }
}

TEST_CASE("heddle-demo's page has every section, needs nothing from outside and is well formed") {
  const scratch here;
  REQUIRE(demo(here, into(here, "out") + quick).status == 0);
  const std::string page = read(here / "out" / "report.html");
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));

  xml_check checked(page);
  CHECK(checked.fault == "");
  for (const char* id :
       {"networks", "jobs", "use", "fabric", "cubes", "power", "setting", "terms"}) {
    INFO(id);
    CHECK(checked.ids.contains(id));
    CHECK(checked.referred.contains(id));
  }
  CHECK(checked.count["h1"] == 1);
  CHECK(checked.count["h2"] == 8);
  CHECK(checked.count["table"] == 3);
  CHECK(checked.count["caption"] == 3);
  CHECK(checked.count["svg"] == 7);
  CHECK(checked.count["desc"] == 7);
  CHECK(checked.count["title"] == 8);
  CHECK(checked.count["script"] == 0);
  CHECK(checked.count["link"] == 0);
  CHECK(checked.count["img"] == 0);
  CHECK(page.find("prefers-color-scheme:dark") != std::string::npos);
  CHECK(page.find("@media print") != std::string::npos);
  // The only addresses are the names of XML's namespaces.
  for (std::size_t at = 0; (at = page.find("http", at)) != std::string::npos; ++at)
    CHECK(page.compare(at, 26, "http://www.w3.org/2000/svg") == 0);
}

TEST_CASE("heddle-demo's plots are well formed files with title, description and colours") {
  const scratch here;
  REQUIRE(demo(here, into(here, "out") + quick).status == 0);
  for (const std::string& file : written) {
    if (!file.ends_with(".svg")) continue;
    INFO(file);
    const std::string drawn = read(here / "out" / file);
    CHECK(drawn.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns="));
    xml_check checked(drawn);
    CHECK(checked.fault == "");
    CHECK(checked.count["title"] == 1);
    CHECK(checked.count["desc"] == 1);
    CHECK(checked.count["style"] == 1);
  }
}

TEST_CASE("heddle-demo writes and prints the same bytes for the same seed, others for another") {
  const scratch here;
  const ran a = demo(here, into(here, "same") + quick);
  std::map<std::string, std::string> first;
  for (const std::string& file : written) first[file] = read(here / "same" / file);
  const ran b = demo(here, into(here, "same") + quick);
  CHECK(a.out == b.out);
  for (const std::string& file : written) {
    INFO(file);
    CHECK(first[file] == read(here / "same" / file));
  }
  REQUIRE(demo(here, into(here, "other") + quick + " --seed 9").status == 0);
  CHECK(first["report.html"] != read(here / "other" / "report.html"));
}

TEST_CASE("heddle-demo makes do with a single job that never leaves its leaf") {
  const scratch here;
  const ran r = demo(here, into(here, "out") + " --jobs 1 --runs 1");
  CHECK(r.status == 0);
  const std::string page = read(here / "out" / "report.html");
  CHECK(xml_check(page).fault == "");
}

TEST_CASE("heddle-demo says in one line that a directory cannot be written, and computes nothing") {
  const scratch here;
  std::ofstream(here / "file") << "in the way\n";
  for (const std::string& out : {into(here, "file"), into(here, "file/below"),
                                 into(here, "missing/below"), std::string("--out /proc/self")}) {
    INFO(out);
    const ran r = demo(here, out + quick);
    CHECK(r.status == 1);
    CHECK(r.out == "");
    CHECK(r.err.starts_with("heddle-demo: "));
    CHECK(r.err.find("cannot be written") != std::string::npos);
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
  }
  CHECK(read(here / "file") == "in the way\n");
}

TEST_CASE("heddle-demo rejects bad options in one line") {
  const scratch here;
  for (const std::string bad : {"--jobs 0", "--jobs many", "--load 0", "--load nan", "--runs 0",
                                "--seed -1", "--nonsense", "surplus"}) {
    INFO(bad);
    const ran r = demo(here, into(here, "out") + " " + bad);
    CHECK(r.status == 2);
    CHECK(r.out == "");
    CHECK(r.err.starts_with("heddle-demo: "));
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
    CHECK_FALSE(fs::exists(here / "out"));
  }
}

TEST_CASE("heddle-demo tells its version and its options") {
  const scratch here;
  CHECK(demo(here, "--version").out.starts_with("heddle-demo "));
  const ran help = demo(here, "--help");
  CHECK(help.status == 0);
  for (const char* option : {"--out", "--jobs", "--load", "--seed", "--runs"})
    CHECK(help.out.find(option) != std::string::npos);
}
