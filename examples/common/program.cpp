#include "common/program.hpp"

namespace heddle::examples {

namespace {

std::string& name_of_program() {
  static std::string name = "heddle";
  return name;
}

}  // namespace

const std::string& program_name() { return name_of_program(); }

int run_program(const std::string& name, const std::string& about, int argc, char** argv,
                const std::function<void(CLI::App&)>& setup, const std::function<int()>& body) {
  name_of_program() = name;
  CLI::App app{about, name};
  app.set_version_flag("--version", name + " " + HEDDLE_VERSION_STRING);
  setup(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    std::cerr << name << ": " << e.what() << " (try --help)\n";
    return bad_input;
  }
  try {
    const int status = body();
    std::cout.flush();
    return status;
  } catch (const input_error& e) {
    std::cerr << name << ": " << e.what() << "\n";
    return bad_input;
  } catch (const std::exception& e) {
    std::cerr << name << ": " << e.what() << "\n";
    return not_met;
  }
}

}  // namespace heddle::examples
