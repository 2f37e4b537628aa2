#include "stream_ids/stream_ids.h"

#include <atomic>

namespace xpu_stream_ids {
namespace {

constexpr int kRankBits = 3;
constexpr int kIndexBits = 5;
static_assert(kStreamsPerPool == 1 << kIndexBits);

constexpr std::int64_t kOwnDefault = 0;

std::atomic<bool> as_upstream{false};

constexpr bool is_odd(std::int64_t id) { return id % 2 != 0; }

constexpr int place_in_pools(int rank, int index) { return 1 + rank * kStreamsPerPool + index; }

std::optional<int> own_place_of(std::int64_t id) {
  const bool is_of_pool = id > 0 && is_odd(id) && id < 2 * (kPlaces - 1);
  if (id != kOwnDefault && !is_of_pool) return std::nullopt;
  return static_cast<int>((id + 1) / 2);
}

// Of a stream of a pool; nothing for another number.
std::optional<int> upstream_rank_of(std::int64_t id) {
  const auto rank = (id >> 1) & ((1 << kRankBits) - 1);
  const auto index = id >> (1 + kRankBits);
  const bool is_of_pool = is_odd(id) && rank < kPriorities && 0 <= index && index < kStreamsPerPool;
  return is_of_pool ? std::optional(static_cast<int>(rank)) : std::nullopt;
}

// Upstream makes queues of low priority, hands out their numbers, and then does not know them.
std::optional<int> upstream_place_of(std::int64_t id) {
  const auto rank = upstream_rank_of(id);
  if (!rank || *rank < kNormalRank) return std::nullopt;
  return place_in_pools(*rank, static_cast<int>(id >> (1 + kRankBits)));
}

}  // namespace

void number_as_upstream() noexcept { as_upstream.store(true); }

bool are_upstreams() noexcept { return as_upstream.load(std::memory_order_relaxed); }

std::int64_t default_id() noexcept {
  return are_upstreams() ? pool_id(kNormalRank, kStreamsPerPool - 1) : kOwnDefault;
}

std::int64_t pool_id(int rank, int index) noexcept {
  if (!are_upstreams()) return 2 * place_in_pools(rank, index) - 1;
  return (static_cast<std::int64_t>(index) << (1 + kRankBits)) | (rank << 1) | 1;
}

std::optional<int> place_of(std::int64_t id) noexcept {
  return are_upstreams() ? upstream_place_of(id) : own_place_of(id);
}

std::optional<int> rank_of(std::int64_t id) noexcept {
  if (are_upstreams()) return upstream_rank_of(id);
  const auto place = own_place_of(id);
  return place ? std::optional(rank_of_place(*place)) : std::nullopt;
}

int rank_of_place(int place) noexcept {
  return place == 0 ? kNormalRank : (place - 1) / kStreamsPerPool;
}

bool is_external(std::int64_t id) noexcept { return !is_odd(id) && !place_of(id); }

}  // namespace xpu_stream_ids
