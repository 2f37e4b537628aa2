#pragma once

#include <c10/core/CachingDeviceAllocator.h>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sycl/sycl.hpp>

#include "runtime/c10_xpu/memory_block.h"

namespace xpu_runtime {

using c10::CachingDeviceAllocator::DeviceStats;

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
  void add_segments(std::vector<c10::CachingDeviceAllocator::SegmentInfo>& infos);

  /// The part of the memory that this process may use, from 0 to 1.
  std::atomic<double> fraction = 1.0;

 private:
  struct Use {
    sycl::event end;
    Block* block;
  };

  /// So that lower_bound is the best fit of a stream.
  struct FreeOrder {
    bool operator()(const Block* a, const Block* b) const noexcept {
      return std::tuple(a->is_small, a->stream, a->size, a->address) <
             std::tuple(b->is_small, b->stream, b->size, b->address);
    }
  };

  // All of these need the mutex.
  [[nodiscard]] Block* find_free(std::size_t size, StreamState& stream);
  [[nodiscard]] Block* make_segment(std::size_t size, StreamState& stream);
  [[nodiscard]] Block* use(Block* block, std::size_t size, std::size_t requested);
  void make_free(Block* block);
  void add_free(Block* block);
  void remove_free(Block* block);
  [[nodiscard]] std::size_t limit() const noexcept;
  void finish_uses();

  [[nodiscard]] Block* try_take(std::size_t size, std::size_t requested, StreamState& stream);
  void wait_for_uses();
  [[noreturn]] void throw_out_of_memory(std::size_t requested);

  c10::DeviceIndex device_;
  std::size_t total_;
  std::mutex mutex_;
  std::map<std::uintptr_t, std::unique_ptr<Block>> segments_;  // first blocks, by address
  std::set<Block*, FreeOrder> free_;
  std::unordered_map<StreamState*, std::deque<Use>> uses_;
  DeviceStats stats_;
};

}  // namespace xpu_runtime
