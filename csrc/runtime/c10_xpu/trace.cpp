#include "runtime/c10_xpu/trace.h"

#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "runtime/c10_xpu/stream_state.h"

namespace xpu_runtime::trace {

std::atomic<bool> detail::on{false};

namespace {

// How long the log was when a reader began.
struct Begin {
  std::ptrdiff_t tasks;
  std::ptrdiff_t events;
};

struct State {
  std::mutex mutex;
  Log log;
  std::map<Reader, Begin> readers;
  Reader last_reader = 0;
};

// Of the log. A ticket is (generation << 32) | index, so that one of an earlier log is recognised.
std::atomic<std::uint64_t> current_generation{0};

State& state() {
  static auto* instance = new State;  // tasks may end after static destruction has begun
  return *instance;
}

// The operations that a thread is in. Those of an earlier log are dropped, because they may have
// ended without a call of leave().
struct Operations {
  std::uint64_t generation = 0;
  std::vector<Operation> entered;
};

thread_local Operations operations;

}  // namespace

Reader start() {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  if (current.readers.empty()) {
    current.log = {};
    ++current_generation;
    detail::on.store(true);
  }
  const Begin begin{std::ssize(current.log.tasks), std::ssize(current.log.events)};
  current.readers.emplace(++current.last_reader, begin);
  return current.last_reader;
}

void wait_for_all_streams() {
  for (c10::DeviceIndex device = 0; device < c10::xpu::device_count(); ++device)
    for (auto* stream : used_streams(device)) stream->wait();
}

Log stop(Reader reader) {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  const auto found = current.readers.find(reader);
  TORCH_CHECK_VALUE(found != current.readers.end(), "Nobody reads the log with the number ", reader,
                    ": each start() is followed by one stop() with what it returned.");
  const auto begin = found->second;
  current.readers.erase(found);
  const auto& [tasks, events] = current.log;
  Log log{{tasks.begin() + begin.tasks, tasks.end()},
          {events.begin() + begin.events, events.end()}};
  if (current.readers.empty()) {
    detail::on.store(false);
    current.log = {};
  }
  return log;
}

void enter(Operation operation) {
  auto& [generation, entered] = operations;
  if (generation != current_generation) {
    entered.clear();
    generation = current_generation;
  }
  entered.push_back(operation);
}

void leave() noexcept {
  if (!operations.entered.empty()) operations.entered.pop_back();
}

Operation current_operation() noexcept {
  const auto& [generation, entered] = operations;
  return entered.empty() || generation != current_generation ? 0 : entered.back();
}

std::int64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void add(TaskRecord record) {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  if (enabled()) current.log.tasks.push_back(std::move(record));
}

std::uint64_t add(const EventRecord& record) {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  if (!enabled()) return 0;
  current.log.events.push_back(record);
  return (current_generation << 32) | (current.log.events.size() - 1);
}

void finish(std::uint64_t ticket) noexcept {
  const auto now = now_ns();
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  const auto index = ticket & 0xffffffffU;
  if (ticket >> 32 == current_generation && index < current.log.events.size())
    current.log.events[index].end_ns = now;
}

}  // namespace xpu_runtime::trace
