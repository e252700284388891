// The processes of a sweep under mpirun; one alone without MPI.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#if HEDDLE_HAS_MPI
#include <mpi.h>
#endif

namespace heddle::examples::sweep {

#if HEDDLE_HAS_MPI

/// MPI from construction to destruction. Only the thread that made it may send and receive.
class mpi_session {
 public:
  mpi_session(int& argc, char**& argv) {
    int threads = 0;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &threads);
  }
  mpi_session(const mpi_session&) = delete;
  mpi_session& operator=(const mpi_session&) = delete;
  ~mpi_session() {
    // MPI_Finalize would wait for the others' last runs at full speed.
    MPI_Request others;
    MPI_Ibarrier(MPI_COMM_WORLD, &others);
    for (int left = 0; MPI_Test(&others, &left, MPI_STATUS_IGNORE), !left;)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    MPI_Finalize();
  }
};

/// Rank 0 hands out runs, the others hand in rows. A rank that has nothing to do asks with a row
/// that belongs to no run.
class ranks {
 public:
  ranks() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }
  [[nodiscard]] int size() const { return size_; }
  [[nodiscard]] bool is_first() const { return rank_ == 0; }

  /// Runs `body`. What one of several ranks throws ends them all, or they would wait for ever.
  template <class Body>
  int guarded(Body&& body) {
    if (size_ == 1) return body();
    try {
      return body();
    } catch (const std::exception& e) {
      std::cerr << "heddle-sweep: " << e.what() << std::endl;
      MPI_Abort(MPI_COMM_WORLD, 2);
      throw;
    }
  }

  // --- of the others ---------------------------------------------------------------------------

  /// Asks for the next run; nothing: all is done.
  [[nodiscard]] std::optional<std::size_t> next() {
    if (!asked_) send(none, {});
    asked_ = false;
    std::int64_t run = 0;
    MPI_Recv(&run, 1, MPI_INT64_T, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    return run == none ? std::nullopt : std::optional{static_cast<std::size_t>(run)};
  }
  /// Hands in a row, and thereby asks for the next run.
  void hand_in(std::size_t run, const std::string& row) {
    send(static_cast<std::int64_t>(run), row);
    asked_ = true;
  }

  // --- of rank 0 -------------------------------------------------------------------------------

  /// Serves the others until none asks any more, and sleeps for `pause()` when none does.
  template <class Take, class Keep, class Pause>
  void hand_out(Take&& take, Keep&& keep, Pause&& pause) {
    for (int busy = size_ - 1; busy > 0;) {
      int asked = 0;
      MPI_Iprobe(MPI_ANY_SOURCE, 1, MPI_COMM_WORLD, &asked, MPI_STATUS_IGNORE);
      if (!asked) {
        std::this_thread::sleep_for(pause());
        continue;
      }
      MPI_Status from;
      std::int64_t run = 0;
      MPI_Recv(&run, 1, MPI_INT64_T, MPI_ANY_SOURCE, 1, MPI_COMM_WORLD, &from);
      if (run != none) {
        MPI_Status at;
        MPI_Probe(from.MPI_SOURCE, 2, MPI_COMM_WORLD, &at);
        int length = 0;
        MPI_Get_count(&at, MPI_CHAR, &length);
        std::string row(static_cast<std::size_t>(length), ' ');
        MPI_Recv(row.data(), length, MPI_CHAR, from.MPI_SOURCE, 2, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        keep(static_cast<std::size_t>(run), row);
      }
      const std::optional<std::size_t> more = take();
      const std::int64_t answer = more ? static_cast<std::int64_t>(*more) : none;
      if (!more) --busy;
      MPI_Send(&answer, 1, MPI_INT64_T, from.MPI_SOURCE, 0, MPI_COMM_WORLD);
    }
  }

 private:
  static constexpr std::int64_t none = -1;

  static void send(std::int64_t run, const std::string& row) {
    MPI_Send(&run, 1, MPI_INT64_T, 0, 1, MPI_COMM_WORLD);
    if (run != none)
      MPI_Send(row.data(), static_cast<int>(row.size()), MPI_CHAR, 0, 2, MPI_COMM_WORLD);
  }

  int rank_ = 0, size_ = 1;
  bool asked_ = false;
};

#else

struct mpi_session {
  mpi_session(int&, char**&) {}
};

struct ranks {
  [[nodiscard]] static int size() { return 1; }
  [[nodiscard]] static bool is_first() { return true; }
  template <class Body>
  static int guarded(Body&& body) {
    return body();
  }
  static std::optional<std::size_t> next() { return std::nullopt; }
  static void hand_in(std::size_t, const std::string&) {}
  template <class Take, class Keep, class Pause>
  static void hand_out(Take&&, Keep&&, Pause&&) {}
};

#endif

}  // namespace heddle::examples::sweep
