#include "runtime/c10_xpu/order_log.h"

#include <c10/util/Synchronized.h>

#include <utility>

namespace xpu_runtime::order_log {

std::atomic<bool> detail::on{false};

namespace {

std::atomic<StackSource> stacks{nullptr};

c10::Synchronized<std::vector<Entry>>& log() {
  // Leaked: memory is freed after static destruction has begun.
  static auto* instance = new c10::Synchronized<std::vector<Entry>>;
  return *instance;
}

}  // namespace

void start(StackSource source) {
  std::vector<Entry> dropped;  // outlives the lock: a stack may be released with another one
  log().withLock([&](auto& entries) {
    dropped.swap(entries);
    stacks.store(source);
    detail::on.store(true);
  });
}

std::vector<Entry> drain() {
  return log().withLock([](auto& entries) { return std::exchange(entries, {}); });
}

void stop() noexcept { detail::on.store(false); }

void add(Entry entry) {
  if (!enabled()) return;
  if (const auto gather = stacks.load()) entry.where = gather();
  add_bare(std::move(entry));
}

void add_bare(Entry entry) {
  log().withLock([&entry](auto& entries) {
    if (enabled()) entries.push_back(std::move(entry));
  });
}

Accesses accesses_of_bytes(const void* to, const void* from, std::size_t bytes) {
  if (!enabled()) return {};
  const auto size = static_cast<std::int64_t>(bytes);
  return {{reinterpret_cast<std::uintptr_t>(from), 1, {size}, {1}, false},
          {reinterpret_cast<std::uintptr_t>(to), 1, {size}, {1}, true}};
}

}  // namespace xpu_runtime::order_log
