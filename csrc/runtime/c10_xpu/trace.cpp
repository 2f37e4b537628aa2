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

struct State {
  std::mutex mutex;
  Log log;
  std::map<Reader, std::ptrdiff_t> readers;  // and how long the log was when they began
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
std::atomic<bool> is_paused{false};

}  // namespace

Reader start() {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  if (current.readers.empty()) {
    current.log = {};
    ++current_generation;
    detail::on.store(true);
  }
  current.readers.emplace(++current.last_reader, std::ssize(current.log));
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
  Log log(current.log.begin() + begin, current.log.end());
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

void pause(bool paused) noexcept { is_paused.store(paused); }

Operation current_operation() noexcept {
  if (is_paused) return kPaused;
  const auto& [generation, entered] = operations;
  return entered.empty() || generation != current_generation ? 0 : entered.back();
}

std::int64_t now_ns() noexcept {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void add_finished(Record record) {
  if (!record.submit_ns) return;
  record.end_ns = now_ns();
  (void)add(std::move(record));
}

std::uint64_t add(Record record) {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  if (!enabled()) return 0;
  current.log.push_back(std::move(record));
  return (current_generation << 32) | (current.log.size() - 1);
}

void finish(std::uint64_t ticket) noexcept {
  const auto now = now_ns();
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  const auto index = ticket & 0xffffffffU;
  if (ticket >> 32 == current_generation && index < current.log.size())
    current.log[index].end_ns = now;
}

}  // namespace xpu_runtime::trace
