#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include <array>
#include <cstddef>

#include "runtime/c10_xpu/memory_block.h"

/// The figures of torch.xpu.memory_stats() for one device. Each has an entry for all blocks and one
/// for those of each pool.
namespace xpu_runtime {

using c10::CachingAllocator::Stat;
using c10::CachingAllocator::StatArray;
using c10::CachingDeviceAllocator::DeviceStats;

inline std::array<Stat*, 2> entries_for(StatArray& figure, const BlockPool& pool) {
  using c10::CachingAllocator::StatType;
  const auto type = pool.is_small ? StatType::SMALL_POOL : StatType::LARGE_POOL;
  return {&figure[static_cast<std::size_t>(StatType::AGGREGATE)],
          &figure[static_cast<std::size_t>(type)]};
}

/// Counts a block in: in a number of blocks, and in the sum of their bytes.
inline void count_in(StatArray& blocks, StatArray& bytes, const Block& block) {
  for (auto* entry : entries_for(blocks, *block.pool)) entry->increase(1);
  for (auto* entry : entries_for(bytes, *block.pool)) entry->increase(block.size);
}

inline void count_out(StatArray& blocks, StatArray& bytes, const Block& block) {
  for (auto* entry : entries_for(blocks, *block.pool)) entry->decrease(1);
  for (auto* entry : entries_for(bytes, *block.pool)) entry->decrease(block.size);
}

template <class Function>
void for_each_entry(DeviceStats& stats, Function function) {
  for (auto* figure : {&stats.allocation, &stats.segment, &stats.active, &stats.inactive_split,
                       &stats.allocated_bytes, &stats.reserved_bytes, &stats.active_bytes,
                       &stats.inactive_split_bytes, &stats.requested_bytes})
    for (auto& entry : *figure) function(entry);
}

}  // namespace xpu_runtime
