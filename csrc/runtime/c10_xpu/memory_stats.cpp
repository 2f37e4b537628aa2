#include "runtime/c10_xpu/memory_stats.h"

namespace xpu_runtime {
namespace {

using c10::CachingAllocator::StatArray;
using c10::CachingAllocator::StatType;

constexpr auto kAll = static_cast<std::size_t>(StatType::AGGREGATE);

std::size_t pool_index(bool small) {
  return static_cast<std::size_t>(small ? StatType::SMALL_POOL : StatType::LARGE_POOL);
}

void increase(StatArray& stat, bool small, std::size_t amount) {
  stat[kAll].increase(amount);
  stat[pool_index(small)].increase(amount);
}

void decrease(StatArray& stat, bool small, std::size_t amount) {
  stat[kAll].decrease(amount);
  stat[pool_index(small)].decrease(amount);
}

template <class Function>
void for_each_array(MemoryStats::Values& values, Function function) {
  for (auto* stat : {&values.allocation, &values.segment, &values.active, &values.inactive_split,
                     &values.allocated_bytes, &values.reserved_bytes, &values.active_bytes,
                     &values.inactive_split_bytes, &values.requested_bytes}) {
    for (auto& entry : *stat) function(entry);
  }
}

}  // namespace

void MemoryStats::block_taken(bool small, std::size_t size, std::size_t requested) {
  increase(values_.allocation, small, 1);
  increase(values_.active, small, 1);
  increase(values_.allocated_bytes, small, size);
  increase(values_.active_bytes, small, size);
  increase(values_.requested_bytes, small, requested);
}

void MemoryStats::block_given_back(bool small, std::size_t size, std::size_t requested) {
  decrease(values_.allocation, small, 1);
  decrease(values_.allocated_bytes, small, size);
  decrease(values_.requested_bytes, small, requested);
}

void MemoryStats::block_inactive(bool small, std::size_t size) {
  decrease(values_.active, small, 1);
  decrease(values_.active_bytes, small, size);
}

void MemoryStats::segment_made(bool small, std::size_t size) {
  increase(values_.segment, small, 1);
  increase(values_.reserved_bytes, small, size);
  ++values_.num_device_alloc;
}

void MemoryStats::segment_freed(bool small, std::size_t size) {
  decrease(values_.segment, small, 1);
  decrease(values_.reserved_bytes, small, size);
  ++values_.num_device_free;
}

void MemoryStats::fragment(bool small, std::size_t size) {
  increase(values_.inactive_split, small, 1);
  increase(values_.inactive_split_bytes, small, size);
}

void MemoryStats::unfragment(bool small, std::size_t size) {
  decrease(values_.inactive_split, small, 1);
  decrease(values_.inactive_split_bytes, small, size);
}

void MemoryStats::reset_peak() {
  for_each_array(values_, [](auto& entry) { entry.reset_peak(); });
}

void MemoryStats::reset_accumulated() {
  for_each_array(values_, [](auto& entry) { entry.reset_accumulated(); });
  values_.num_alloc_retries = 0;
  values_.num_ooms = 0;
  values_.num_sync_all_streams = 0;
  values_.num_device_alloc = 0;
  values_.num_device_free = 0;
}

std::size_t MemoryStats::reserved() const noexcept {
  return static_cast<std::size_t>(values_.reserved_bytes[kAll].current);
}

std::size_t MemoryStats::allocated() const noexcept {
  return static_cast<std::size_t>(values_.allocated_bytes[kAll].current);
}

}  // namespace xpu_runtime
