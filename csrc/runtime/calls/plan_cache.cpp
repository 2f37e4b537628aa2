#include "runtime/calls/plan_cache.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace xpu_runtime {

std::size_t PlanCache::Hash::operator()(c10::ArrayRef<std::int64_t> words) const noexcept {
  std::uint64_t hash = words.size();
  for (const auto word : words) {
    hash = (hash ^ static_cast<std::uint64_t>(word)) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 32U;
  }
  return hash;
}

std::shared_ptr<const Plan> PlanCache::find(const Signature& signature) {
  const std::shared_lock lock(mutex_);
  const auto found = entries_.find(c10::ArrayRef<std::int64_t>(signature));
  if (found == entries_.end()) return nullptr;
  found->second.last_use.store(plans_made_.load(std::memory_order_relaxed),
                               std::memory_order_relaxed);
  return found->second.plan;
}

void PlanCache::keep(const Signature& signature, std::shared_ptr<const Plan> plan) {
  const std::unique_lock lock(mutex_);
  const auto now = plans_made_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (entries_.size() >= limit_) make_room();
  Words words(signature.begin(), signature.end());
  entries_.erase(words);
  entries_.try_emplace(std::move(words), std::move(plan), now);
}

std::size_t PlanCache::size() const {
  const std::shared_lock lock(mutex_);
  return entries_.size();
}

// A quarter at once: to look at all entries for each new one would make the cache slow when full.
void PlanCache::make_room() {
  std::vector<std::uint64_t> uses;
  uses.reserve(entries_.size());
  for (const auto& [words, entry] : entries_) uses.push_back(entry.last_use);
  const auto quarter = uses.begin() + static_cast<std::ptrdiff_t>(uses.size() / 4);
  std::nth_element(uses.begin(), quarter, uses.end());
  std::erase_if(entries_, [&](const auto& each) { return each.second.last_use <= *quarter; });
}

}  // namespace xpu_runtime
