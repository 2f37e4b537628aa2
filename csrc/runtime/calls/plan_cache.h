#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"

namespace xpu_runtime {

/// Plans by signature, `limit` at most; beyond that the least recently used go. Any thread may use
/// it. No lock is held while a plan is made.
class PlanCache {
 public:
  explicit PlanCache(std::size_t limit) : limit_(limit) {}

  /// The plan for a signature; null if there is none.
  [[nodiscard]] std::shared_ptr<const Plan> find(const Signature& signature);

  /// Keeps a plan; replaces one that another thread made at the same time.
  void keep(const Signature& signature, std::shared_ptr<const Plan> plan);

  [[nodiscard]] std::size_t size() const;

 private:
  using Words = std::vector<std::int64_t>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(c10::ArrayRef<std::int64_t> words) const noexcept;
  };
  struct Entry {
    std::shared_ptr<const Plan> plan;
    std::atomic<std::uint64_t> last_use;
    Entry(std::shared_ptr<const Plan> plan, std::uint64_t now)
        : plan(std::move(plan)), last_use(now) {}
  };

  void make_room();

  const std::size_t limit_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<Words, Entry, Hash, std::equal_to<>> entries_;
  std::atomic<std::uint64_t> plans_made_{0};  // the clock of `last_use`
};

}  // namespace xpu_runtime
