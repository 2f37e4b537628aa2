#include "runtime/c10_xpu/order_log.h"

#include <mutex>
#include <utility>

namespace xpu_runtime::order_log {

std::atomic<bool> detail::on{false};

namespace {

struct State {
  std::mutex mutex;
  std::vector<Entry> entries;
  std::atomic<StackSource> stacks{nullptr};
};

State& state() {
  static auto* instance = new State;  // memory is freed after static destruction has begun
  return *instance;
}

}  // namespace

void start(StackSource source) {
  auto& current = state();
  std::vector<Entry> dropped;  // outlives the lock: a stack may be released with another one
  const std::lock_guard lock(current.mutex);
  dropped.swap(current.entries);
  current.stacks.store(source);
  detail::on.store(true);
}

std::vector<Entry> drain() {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  return std::exchange(current.entries, {});
}

void stop() noexcept { detail::on.store(false); }

void add(Entry entry) {
  if (!enabled()) return;
  if (const auto gather = state().stacks.load()) entry.where = gather();
  add_bare(std::move(entry));
}

void add_bare(Entry entry) {
  auto& current = state();
  const std::lock_guard lock(current.mutex);
  if (enabled()) current.entries.push_back(std::move(entry));
}

void add_task(const c10::Stream& stream, const std::string& name, Accesses accesses) {
  if (!enabled()) return;
  add({.op = Op::task, .name = name, .stream = stream, .accesses = std::move(accesses)});
}

Accesses accesses_of_bytes(const void* to, const void* from, std::size_t bytes) {
  if (!enabled()) return {};
  const auto size = static_cast<std::int64_t>(bytes);
  return {{reinterpret_cast<std::uintptr_t>(from), 1, {size}, {1}, false},
          {reinterpret_cast<std::uintptr_t>(to), 1, {size}, {1}, true}};
}

std::uintptr_t next_hold() noexcept {
  static std::atomic<std::uintptr_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace xpu_runtime::order_log
