// Every fuzzer's target on its sample, mutated a few thousand times: a short run of what the
// fuzzers do for long (tests/fuzz).
#include "fuzz/targets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;

namespace {

// One of the changes that fuzzers make, at a random place.
std::string mutated(std::string text, test::dice& d) {
  static constexpr std::string_view letters =
      "0123456789,|=-+.:\"'[]{}()\\ \t\n#%xeEnNuSHC\xff\xef";
  const auto place = [&] { return d.index(text.size() + 1); };
  const auto length = [&](std::size_t from) { return d.index(text.size() - from + 1); };
  switch (d.between(0, 7)) {
  case 0:
    text.insert(text.begin() + static_cast<std::ptrdiff_t>(place()),
                letters[d.index(letters.size())]);
    break;
  case 1:
    if (!text.empty()) text[d.index(text.size())] = letters[d.index(letters.size())];
    break;
  case 2:
    if (!text.empty()) text[d.index(text.size())] ^= static_cast<char>(1 << d.between(0, 7));
    break;
  case 3:
    text.resize(place());
    break;
  case 4: {  // a piece taken out
    const std::size_t from = place();
    text.erase(from, length(from) / 8);
    break;
  }
  case 5: {  // a piece said again somewhere else
    const std::size_t from = place();
    const std::string piece = text.substr(from, length(from) / 8);
    text.insert(place(), piece);
    break;
  }
  case 6: {  // a line said again
    const std::size_t at = place();
    const std::size_t from = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    const std::size_t end = text.find('\n', from);
    if (end != std::string::npos) text.insert(from, text.substr(from, end + 1 - from));
    break;
  }
  case 7: {  // a number made odd
    static constexpr std::string_view odd[] = {"0",     "-1",  "4294967296",
                                               "1e308", "nan", "99999999999999999999"};
    const std::size_t from = text.find_first_of("0123456789", place());
    if (from == std::string::npos) break;
    const std::size_t end = text.find_first_not_of("0123456789", from);
    text.replace(from, (end == std::string::npos ? text.size() : end) - from,
                 odd[d.index(std::size(odd))]);
    break;
  }
  }
  return text;
}

}  // namespace

TEST_CASE("every reader reads its sample and keeps its promises on mutated ones") {
  for (const fuzz::target& t : fuzz::targets()) {
    CAPTURE(std::string(t.name));
    const auto run = [&](const std::string& text) {
      return t.run(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    };
    REQUIRE(run(t.seed));
    int accepted = 0;
    constexpr int rounds = 1500;
    for (std::uint64_t seed = 0; seed < rounds; ++seed) {
      test::dice d{seed};
      std::string text = t.seed;
      for (int n = d.between(1, 4); n > 0; --n) text = mutated(std::move(text), d);
      accepted += run(text);
    }
    CHECK(accepted > rounds / 100);  // some do no harm
    CHECK(accepted < rounds);
  }
}
