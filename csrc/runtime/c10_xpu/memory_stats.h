#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include <cstddef>

namespace xpu_runtime {

/// The figures of torch.xpu.memory_stats() for one device. Not thread-safe.
class MemoryStats {
 public:
  using Values = c10::CachingDeviceAllocator::DeviceStats;

  void block_taken(bool small, std::size_t size, std::size_t requested);
  void block_given_back(bool small, std::size_t size, std::size_t requested);
  /// Given back and no longer used by any stream.
  void block_inactive(bool small, std::size_t size);
  void segment_made(bool small, std::size_t size);
  void segment_freed(bool small, std::size_t size);
  void fragment(bool small, std::size_t size);
  void unfragment(bool small, std::size_t size);
  void allocation_retried() { ++values_.num_alloc_retries; }
  void out_of_memory() { ++values_.num_ooms; }
  void synchronized() { ++values_.num_sync_all_streams; }

  void reset_peak();
  void reset_accumulated();

  [[nodiscard]] const Values& values() const noexcept { return values_; }
  [[nodiscard]] std::size_t reserved() const noexcept;
  [[nodiscard]] std::size_t allocated() const noexcept;

 private:
  Values values_;
};

}  // namespace xpu_runtime
