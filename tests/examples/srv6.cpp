// The routes of heddle-route --srv6 in network namespaces of an ordinary user's own: real UDP packets.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/route/owned.hpp>
#include <heddle/traffic/collectives.hpp>

#include "route/srv6.hpp"
#include "support/run.hpp"
#include "support/shared_data.hpp"

using namespace heddle;

namespace {

constexpr int leafs = 4, spines = 4, hosts = 8;
constexpr int skipped = 77;
const examples::srv6_addresses address;

struct flow {
  int from = 0, to = 0;
};

/// 4 leafs, 4 spines and 8 hosts, a network namespace each, in a user namespace of this process's own. Leafs
/// spread what names no spine over all of them (ECMP).
class rooms {
 public:
  /// False where the kernel has no such namespaces or routes.
  bool enter() {
    const unsigned uid = ::getuid(), gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
    write("/proc/self/gid_map", "0 " + std::to_string(gid) + " 1");
    for (int n = 0; n < leafs + spines + hosts; ++n) {
      if (::unshare(CLONE_NEWNET) != 0) return false;
      fds_.push_back(::open("/proc/self/ns/net", O_RDONLY));
      for (const char* key :
           {"all/forwarding", "all/seg6_enabled", "default/seg6_enabled", "default/forwarding"})
        write(std::string("/proc/sys/net/ipv6/conf/") + key, "1");
      write("/proc/sys/net/ipv6/fib_multipath_hash_policy", "1");
      write("/proc/sys/net/ipv6/conf/default/accept_dad", "0");
      sh("ip link set lo up");
    }
    in(0);
    return sh("ip link add heddle0 type veth peer name heddle1 && ip link set heddle0 up && "
              "ip -6 route add fd00:1::1/128 encap seg6 mode inline segs fd00:2::1 dev heddle0 && "
              "ip -6 route add fd00:2::1/128 encap seg6local action End dev heddle0 && "
              "ip link del heddle0");
  }
  void in(int node) const { (void)::setns(fds_[static_cast<std::size_t>(node)], CLONE_NEWNET); }
  static bool sh(const std::string& command) {
    return std::system((command + " > /dev/null 2>&1").c_str()) == 0;
  }
  static int leaf(int l) { return l; }
  static int spine(int s) { return leafs + s; }
  static int host(int h) { return leafs + spines + h; }

  /// A cable: `x` at node a, `y` at node b, with link-local addresses that tell both ends.
  bool join(int a, const std::string& x, int b, const std::string& y) const {
    in(a);
    const std::string there = "/proc/" + std::to_string(::getpid()) + "/fd/" +
                              std::to_string(fds_[static_cast<std::size_t>(b)]);
    if (!sh("ip link add " + x + " type veth peer name " + y + " netns " + there)) return false;
    const bool one =
        sh("ip link set " + x + " up && ip -6 addr add fe80::1/64 dev " + x + " nodad");
    in(b);
    return one && sh("ip link set " + y + " up && ip -6 addr add fe80::2/64 dev " + y + " nodad");
  }
  bool wire() const {
    bool good = true;
    for (int l = 0; l < leafs; ++l)
      for (int s = 0; s < spines; ++s)
        good =
            good && join(leaf(l), "up" + std::to_string(s), spine(s), "down" + std::to_string(l));
    for (int h = 0; h < hosts; ++h) {
      const int l = h / 2;
      good = good && join(leaf(l), "host" + std::to_string(h), host(h), "eth0");
      in(host(h));
      good = good && sh("ip -6 addr add " + address.card(u(h), 0) + "/128 dev lo nodad") &&
             sh("ip -6 route add default via fe80::1 dev eth0 src " + address.card(u(h), 0));
      in(leaf(l));
      good = good && sh("ip -6 route add " + address.card(u(h), 0) + "/128 via fe80::2 dev host" +
                        std::to_string(h));
      for (int s = 0; s < spines; ++s) {
        in(spine(s));
        good = good && sh("ip -6 route add " + address.card(u(h), 0) + "/128 via fe80::1 dev down" +
                          std::to_string(l));
      }
    }
    for (int l = 0; l < leafs; ++l) {
      in(leaf(l));
      std::string spread = "ip -6 route add default";
      for (int s = 0; s < spines; ++s) {
        spread += " nexthop via fe80::2 dev up" + std::to_string(s);
        good = good && sh("ip -6 route add " + address.spine(u(s)) + "/128 via fe80::2 dev up" +
                          std::to_string(s));
      }
      good = good && sh(spread);
    }
    return good;
  }

  /// Sends `count` packets along each flow; returns how many arrived.
  int send(const std::vector<flow>& flows, int count) const {
    std::vector<int> sinks, senders;
    for (int h = 0; h < hosts; ++h) {
      in(host(h));
      sinks.push_back(::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0));
      senders.push_back(::socket(AF_INET6, SOCK_DGRAM, 0));
      sockaddr_in6 to = at(h);
      (void)::bind(sinks.back(), reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    int arrived = 0;
    for (int i = 0; i < count; ++i)
      for (const flow& f : flows) {
        sockaddr_in6 to = at(f.to);
        const char text[64] = {};
        (void)::sendto(senders[static_cast<std::size_t>(f.from)], text, sizeof text, 0,
                       reinterpret_cast<sockaddr*>(&to), sizeof to);
        char got[128];
        for (int wait = 0; wait < 200; ++wait) {  // up to 0.2 s a packet that is lost
          if (::recv(sinks[static_cast<std::size_t>(f.to)], got, sizeof got, 0) > 0) {
            ++arrived;
            break;
          }
          ::usleep(1000);
        }
      }
    for (int fd : sinks) ::close(fd);
    for (int fd : senders) ::close(fd);
    return arrived;
  }
  /// Bytes that went up from each leaf to each spine, and down again, since the network came up.
  std::map<std::pair<int, int>, long> bytes() const {
    std::map<std::pair<int, int>, long> out;  // leaf · 4 + spine, 0 up or 1 down
    for (int l = 0; l < leafs; ++l) {
      in(leaf(l));
      // /sys belongs to the first namespace: /proc/thread-self/net/dev is this one's.
      std::ifstream dev("/proc/thread-self/net/dev");
      for (std::string line; std::getline(dev, line);) {
        const auto up = line.find("up");
        const auto colon = line.find(':');
        if (up == std::string::npos || colon == std::string::npos || up > colon) continue;
        std::istringstream numbers(line.substr(colon + 1));
        std::vector<long> n(16);
        for (long& x : n) numbers >> x;
        const int s = line[up + 2] - '0';
        out[{l * spines + s, 0}] = n[8];
        out[{l * spines + s, 1}] = n[0];
      }
    }
    return out;
  }

 private:
  static std::uint32_t u(int n) { return static_cast<std::uint32_t>(n); }
  static sockaddr_in6 at(int h) {
    sockaddr_in6 a{};
    a.sin6_family = AF_INET6;
    a.sin6_port = htons(4791);
    (void)::inet_pton(AF_INET6, address.card(u(h), 0).c_str(), &a.sin6_addr);
    return a;
  }
  static void write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
  }

  std::vector<int> fds_;
};

struct placed {
  fabric::placement where;
  traffic::group ranks;
};

/// In a child process. \returns  0, the number of the check that failed, or `skipped`
int try_it(const test::scratch_dir& dir) {
  const fabric::leaf_spine dc{
      {.leafs = leafs, .spines = spines, .servers_per_leaf = 2, .gpus_per_server = 1}};
  // Two jobs of four: one host under each leaf each, on two spines each.
  std::vector<placed> jobs(2);
  for (int j = 0; j < 2; ++j) {
    placed& p = jobs[static_cast<std::size_t>(j)];
    for (int l = 0; l < leafs; ++l) {
      p.where.gpus.push_back(gpu_id{2 * l + j});
      p.where.links.push_back({leaf_id{l}, spine_id{2 * j + 1}, 0});
    }
    p.ranks = traffic::make_group(dc, p.where.gpus);
  }
  rooms net;
  if (!net.enter()) return skipped;
  if (!net.wire()) return 1;
  const std::string ends = dir.write("ends.sh", examples::srv6_ends(dc, address));
  for (int s = 0; s < spines; ++s) {
    net.in(rooms::spine(s));
    if (!rooms::sh("DEV=down0 sh " + ends + " apply spine" + std::to_string(s))) return 2;
  }
  // Each phase of both at once: bytes of 10 packets on a link, or none. Links that carry others, over all
  // phases; -1 if a packet was lost.
  const auto wrong_links = [&] {
    constexpr int packets = 10;
    constexpr long least = packets * (64 + 8 + 40),
                   most = 2 * least;  // with headers; two flows are more
    int wrong = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      std::vector<flow> flows;
      for (const placed& p : jobs) {
        std::vector<traffic::flow> phase;
        (void)traffic::source_of(collective::all_to_all, p.ranks, 1).write(k, phase);
        for (const traffic::flow f : phase)
          flows.push_back({static_cast<int>(p.ranks.gpus[f.source].value),
                           static_cast<int>(p.ranks.gpus[f.target].value)});
      }
      const auto before = net.bytes();
      if (net.send(flows, packets) != packets * static_cast<int>(flows.size())) return -1;
      for (const auto& [link, n] : net.bytes()) {
        const long here = n - before.at(link);
        const bool owned = link.first % spines % 2 == 1;  // spines 1 and 3
        wrong += owned ? here < least || here > most : here > least / 2;
      }
    }
    return wrong;
  };
  // By hashes flows meet: that all 24 take just the spines of their job happens once in 4^24 times.
  const int hashed = wrong_links();
  if (hashed <= 0) return 4;
  (void)dir.write("hashed", std::to_string(hashed));
  for (std::size_t j = 0; j < 2; ++j) {
    const traffic::any_source all = traffic::source_of(collective::all_to_all, jobs[j].ranks, 1);
    const std::string script =
        dir.write("job.sh", examples::srv6_script(dc, jobs[j].where, jobs[j].ranks, all, address));
    for (gpu_id g : jobs[j].where.gpus) {
      net.in(rooms::host(static_cast<int>(g.value)));
      if (!rooms::sh("VIA=fe80::1 sh " + script + " apply gpu" + std::to_string(g.value))) return 3;
    }
  }
  if (const int wrong = wrong_links(); wrong != 0) return wrong < 0 ? 5 : 6;
  return 0;
}

}  // namespace

TEST_CASE("packets of two jobs follow SRv6 routes over the spines that are theirs, in network "
          "namespaces") {
  const test::scratch_dir dir;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(try_it(dir));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == skipped) {
    test::skip("user and network namespaces with veth and seg6");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
  int hashed = 0;
  std::ifstream(dir.path() / "hashed") >> hashed;
  CHECK(hashed > 0);
  CHECK(hashed <= 3 * 2 * leafs * spines);
  MESSAGE("by hashes " << hashed << " of " << 3 * 2 * leafs * spines
                       << " times a link did not carry what these routes give it");
}
