// main() of every test program: doctest's, a check of the test names, and the report of what was
// skipped.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cctype>
#include <cstdlib>
#include <iostream>
#include <set>
#include <string>

#include "support/shared_data.hpp"

namespace {

// ctest calls each test by its name, through a CMake list and a filter of doctest: some names would
// not survive that, and would silently run nothing or two tests. Refused when the tests are listed.
struct name_check : doctest::IReporter {
  explicit name_check(const doctest::ContextOptions&) {}

  void report_query(const doctest::QueryData& query) override {
    std::set<std::string> seen;
    for (unsigned i = 0; i < query.num_data; ++i) {
      std::string name = query.data[i]->m_name;
      const auto refuse = [&](const char* why) {
        std::cerr << query.data[i]->m_file.c_str() << ':' << query.data[i]->m_line
                  << ": the test name \"" << name << "\" " << why << '\n';
        std::exit(1);
      };
      if (name.empty() || name.find_first_of(";[]\\\n") != std::string::npos)
        refuse("is empty or has one of ; [ ] \\ in it");
      if (name.front() == ' ' || name.back() == ' ') refuse("starts or ends with a space");
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (!seen.insert(name).second) refuse("is used twice in this program");
    }
  }
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_start(const doctest::TestCaseData&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}
};

REGISTER_LISTENER("name_check", 0, name_check);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int result = context.run();
  if (result == 0)
    for (const std::string& what : heddle::test::skipped())
      std::cout << "[skipped] " << what << '\n';
  return result;
}
