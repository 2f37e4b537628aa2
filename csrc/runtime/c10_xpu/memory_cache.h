#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sycl/sycl.hpp>

#include "runtime/c10_xpu/memory_block.h"
#include "runtime/c10_xpu/memory_stats.h"

namespace xpu_runtime {

/// The memory of one device, cached in stream order.
///
/// A block that is given back is free at once for later work of the stream it was taken on, because
/// that work runs after all that used it. Streams recorded for it (record_stream) hold it back
/// until what they had been given by then is complete. The mutex is never held during a wait.
class MemoryCache {
 public:
  explicit MemoryCache(c10::DeviceIndex device);

  /// Throws torch's OutOfMemoryError after everything cached was released in vain.
  [[nodiscard]] Block* take(std::size_t requested, StreamState& stream);
  void give_back(Block* block);
  void record_use(Block* block, StreamState& stream);
  /// Returns segments without a block in use to the system, after their stream is done with them.
  void release_cached();

  [[nodiscard]] bool owns(const void* pointer);
  [[nodiscard]] DeviceStats stats();
  void reset_peak_stats();
  void reset_accumulated_stats();
  /// Bytes free for new segments, and in all.
  [[nodiscard]] std::pair<std::size_t, std::size_t> capacity();
  [[nodiscard]] std::vector<c10::CachingDeviceAllocator::SegmentInfo> segments();

  /// The part of the memory that this process may use, from 0 to 1.
  std::atomic<double> fraction = 1.0;

 private:
  struct Use {
    sycl::event end;
    Block* block;
    std::uintptr_t hold;  // its number in the order log
  };

  /// The first block of each segment, by address: its owner. Whoever takes one out has the segment.
  using Segments = std::map<std::uintptr_t, std::unique_ptr<Block>>;

  // All of these need the mutex.
  [[nodiscard]] Block* find_free(BlockPool& pool, std::size_t size, StreamState& stream);
  [[nodiscard]] Block* make_segment(BlockPool& pool, std::size_t size, StreamState& stream);
  [[nodiscard]] Block* use(Block* block, std::size_t size, std::size_t requested);
  void make_free(Block* block);
  void add_to_pool(Block* block);
  void take_out_of_pool(Block* block);
  [[nodiscard]] std::size_t limit() const noexcept;
  void finish_uses();
  [[nodiscard]] Segments extract_free_segments();

  [[nodiscard]] Block* try_take(std::size_t size, std::size_t requested, StreamState& stream);
  void wait_for_uses();
  void free_segments(const Segments& segments);
  [[noreturn]] void throw_out_of_memory(std::size_t requested);

  c10::DeviceIndex device_;
  std::size_t total_;
  std::mutex mutex_;
  BlockPool small_{true};
  BlockPool large_{false};
  Segments segments_;
  std::unordered_map<StreamState*, std::deque<Use>> uses_;
  DeviceStats stats_;
};

}  // namespace xpu_runtime
