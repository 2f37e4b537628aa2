#include "runtime/trace.h"

#include <chrono>
#include <mutex>
#include <utility>

namespace xpu_runtime::trace {
namespace detail {

std::atomic<bool> on{false};

}  // namespace detail

namespace {

struct State {
  std::mutex mutex;
  Log log;
  // A ticket is (generation << 32) | index, so that one of an earlier log is recognised.
  std::uint64_t generation = 0;
};

State& state() {
  static auto* instance = new State;  // tasks may end after static destruction has begun
  return *instance;
}

}  // namespace

void start() {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  current.log = {};
  ++current.generation;
  detail::on.store(true);
}

Log stop() {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  detail::on.store(false);
  return std::exchange(current.log, {});
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
  return (current.generation << 32) | (current.log.events.size() - 1);
}

void finish(std::uint64_t ticket) noexcept {
  const auto now = now_ns();
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  const auto index = ticket & 0xffffffffU;
  if (ticket >> 32 == current.generation && index < current.log.events.size())
    current.log.events[index].end_ns = now;
}

const char* to_string(EventOp op) noexcept {
  switch (op) {
    case EventOp::record:
      return "record";
    case EventOp::wait:
      return "wait";
    case EventOp::synchronize:
      return "synchronize";
  }
  return "?";
}

}  // namespace xpu_runtime::trace
