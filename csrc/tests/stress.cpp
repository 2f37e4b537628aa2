#include "tests/stress.h"

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

namespace xpu_event::testing {
namespace {

struct Options {
  int seconds = 10;
  unsigned seed = 1;
  int threads = 4;
};

Options parse(const std::span<char*> arguments) {
  Options options;
  if (arguments.size() > 1) options.seconds = std::atoi(arguments[1]);
  if (arguments.size() > 2) options.seed = static_cast<unsigned>(std::atoi(arguments[2]));
  if (arguments.size() > 3) options.threads = std::atoi(arguments[3]);
  if (options.seconds < 1 || options.threads < 1)
    throw std::invalid_argument(std::string("usage: ") + arguments[0] +
                                " [seconds] [seed] [threads], all of them numbers from 1 on");
  return options;
}

class Stress {
 public:
  Stress(Options options, std::vector<Action> actions)
      : options_(options), actions_(std::move(actions)), counts_(actions_.size()) {}

  bool run() {
    const auto end = Worker::Clock::now() + std::chrono::seconds(options_.seconds);
    std::vector<std::thread> threads;
    for (int i = 0; i < options_.threads; ++i)
      threads.emplace_back([this, i, end] { work(Worker(i, options_.seed + i, end, failed_)); });
    for (auto& thread : threads) thread.join();
    report();
    return !failed_.load();
  }

 private:
  void work(Worker worker) {
    while (worker.goes_on()) {
      const auto index = static_cast<std::size_t>(worker.below(static_cast<int>(actions_.size())));
      try {
        actions_[index].run(worker);
      } catch (const std::exception& error) {
        fail(actions_[index].name, error.what());
      }
      counts_[index].fetch_add(1, std::memory_order_relaxed);
    }
  }

  void fail(const std::string& action, const char* what) {
    const std::lock_guard lock(output_);
    failed_ = true;
    std::cerr << "seed " << options_.seed << ", action '" << action << "': " << what << '\n';
  }

  void report() const {
    for (std::size_t i = 0; i < actions_.size(); ++i)
      std::cout << counts_[i].load() << " x " << actions_[i].name << '\n';
  }

  Options options_;
  std::vector<Action> actions_;
  std::vector<std::atomic<long>> counts_;
  std::atomic<bool> failed_{false};
  std::mutex output_;
};

}  // namespace

void Worker::expect(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

int run_stress(int argc, char** argv, std::vector<Action> actions) {
  try {
    const auto options = parse({argv, static_cast<std::size_t>(argc)});
    return Stress(options, std::move(actions)).run() ? EXIT_SUCCESS : EXIT_FAILURE;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}

}  // namespace xpu_event::testing
