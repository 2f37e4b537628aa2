#include "runtime/c10_xpu/memory_cache.h"

#include <c10/core/AllocatorConfig.h>
#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>

#include <algorithm>
#include <iterator>

#include "runtime/c10_xpu/faults.h"
#include "runtime/c10_xpu/host_wait.h"
#include "runtime/c10_xpu/order_log.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using namespace c10::CachingAllocator;

constexpr std::size_t kMediumSegment = std::size_t{20} << 20;

std::size_t round_up(std::size_t size, std::size_t step) { return (size + step - 1) / step * step; }

bool is_complete(const sycl::event& event) {
  return event.get_info<sycl::info::event::command_execution_status>() ==
         sycl::info::event_command_status::complete;
}

// Kernels are host code, so on a device with its own memory the host has to see it too.
void* allocate_segment(std::size_t size, const sycl::device& device) {
  auto& context = c10::xpu::get_device_context();
  const auto kind = device.is_cpu() ? sycl::usm::alloc::device : sycl::usm::alloc::shared;
  try {
    return sycl::aligned_alloc(kMinBlockSize, size, device, context, kind);
  } catch (const sycl::exception&) {
    return nullptr;  // some devices throw where others return null
  }
}

std::size_t segment_size_for(std::size_t block) {
  if (block <= kSmallSize) return kSmallBuffer;
  if (block < kMinLargeAlloc) return kMediumSegment;
  return round_up(block, kRoundLarge);
}

std::size_t total_bytes(const StatArray& figure) {
  return static_cast<std::size_t>(figure[0].current);
}

// The entries of a figure that a block counts for: of all blocks, of the small, of the large ones.
StatTypes entries_of(const Block& block) { return {true, block.is_small, !block.is_small}; }

void increase(StatArray& figure, const Block& block, std::size_t amount) {
  for_each_selected_stat_type(entries_of(block), [&](auto i) { figure[i].increase(amount); });
}

void decrease(StatArray& figure, const Block& block, std::size_t amount) {
  for_each_selected_stat_type(entries_of(block), [&](auto i) { figure[i].decrease(amount); });
}

// Counts a block in: in a number of blocks, and in the sum of their bytes.
void count_in(StatArray& blocks, StatArray& bytes, const Block& block) {
  increase(blocks, block, 1);
  increase(bytes, block, block.size);
}

void count_out(StatArray& blocks, StatArray& bytes, const Block& block) {
  decrease(blocks, block, 1);
  decrease(bytes, block, block.size);
}

template <class Function>
void for_each_entry(DeviceStats& stats, Function function) {
  for (auto* figure : {&stats.allocation, &stats.segment, &stats.active, &stats.inactive_split,
                       &stats.allocated_bytes, &stats.reserved_bytes, &stats.active_bytes,
                       &stats.inactive_split_bytes, &stats.requested_bytes})
    for (auto& entry : *figure) function(entry);
}

void log_order(order_log::Op op, const Block& block, const StreamState& stream) {
  if (!order_log::enabled()) return;
  order_log::add_bare(
      {.op = op, .stream = stream.handle, .address = block.address, .bytes = block.size});
}

}  // namespace

MemoryCache::MemoryCache(c10::DeviceIndex device)
    : device_(device),
      total_(c10::xpu::get_raw_device(device).get_info<sycl::info::device::global_mem_size>()) {}

Block* MemoryCache::take(std::size_t requested, StreamState& stream) {
  // Rounding must not wrap around.
  if (requested > total_) throw_out_of_memory(requested);
  const auto size = round_up(std::max(requested, std::size_t{1}), kMinBlockSize);
  if (auto* block = try_take(size, requested, stream)) return block;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.num_alloc_retries;
    ++stats_.num_sync_all_streams;
  }
  wait_for_uses();
  release_cached();
  if (auto* block = try_take(size, requested, stream)) return block;
  throw_out_of_memory(requested);
}

Block* MemoryCache::try_take(std::size_t size, std::size_t requested, StreamState& stream) {
  const std::lock_guard lock(mutex_);
  finish_uses();
  auto* block = find_free(size, stream);
  if (!block) block = make_segment(size, stream);
  return block ? use(block, size, requested) : nullptr;
}

Block* MemoryCache::find_free(std::size_t size, StreamState& stream) {
  Block wanted{size <= kSmallSize, &stream, 0, size};
  const auto found = free_.lower_bound(&wanted);
  if (found == free_.end()) return nullptr;
  auto* block = *found;
  if (block->stream != &stream || block->is_small != wanted.is_small) return nullptr;
  remove_free(block);
  return block;
}

Block* MemoryCache::make_segment(std::size_t size, StreamState& stream) {
  const auto segment_size = segment_size_for(size);
  if (total_bytes(stats_.reserved_bytes) + segment_size > limit()) return nullptr;
  void* memory = allocate_segment(segment_size, c10::xpu::get_raw_device(device_));
  if (!memory) return nullptr;
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  auto& first = segments_[address];
  first = std::make_unique<Block>(size <= kSmallSize, &stream, address, segment_size);
  count_in(stats_.segment, stats_.reserved_bytes, *first);
  ++stats_.num_device_alloc;
  return first.get();
}

Block* MemoryCache::use(Block* block, std::size_t size, std::size_t requested) {
  const auto rest = block->size - size;
  if (rest >= kMinBlockSize && (block->is_small || rest > kSmallSize)) add_free(block->split(size));
  block->allocated = true;
  block->requested = requested;
  count_in(stats_.allocation, stats_.allocated_bytes, *block);
  count_in(stats_.active, stats_.active_bytes, *block);
  increase(stats_.requested_bytes, *block, requested);
  return block;
}

void MemoryCache::give_back(Block* block) {
  std::vector<StreamState*> streams;
  {
    const std::lock_guard lock(mutex_);
    block->allocated = false;
    count_out(stats_.allocation, stats_.allocated_bytes, *block);
    decrease(stats_.requested_bytes, *block, block->requested);
    streams.swap(block->other_streams);
    block->unfinished_uses = static_cast<int>(streams.size());
    if (streams.empty()) return make_free(block);
  }
  // Not under the mutex: submitting may take a lock of the SYCL runtime that a kernel waits for.
  for (auto* stream : streams) {
    auto end = [stream] {
      const Submission submission(*stream);
      return stream->queue.ext_oneapi_submit_barrier();
    }();
    log_order(order_log::Op::hold, *block, *stream);
    const std::lock_guard lock(mutex_);
    uses_[stream].push_back({std::move(end), block});
  }
}

void MemoryCache::record_use(Block* block, StreamState& stream) {
  if (faults::is_on(faults::Fault::use_forgotten)) return;
  const std::lock_guard lock(mutex_);
  auto& others = block->other_streams;
  if (&stream == block->stream || std::find(others.begin(), others.end(), &stream) != others.end())
    return;
  others.push_back(&stream);
}

void MemoryCache::finish_uses() {
  const bool early = faults::is_on(faults::Fault::hold_ends_early);
  for (auto& [stream, uses] : uses_) {
    // A stream is in order: what follows an unfinished use is unfinished too.
    while (!uses.empty() && (early || is_complete(uses.front().end))) {
      auto* block = uses.front().block;
      if (!early) log_order(order_log::Op::reclaim, *block, *stream);
      uses.pop_front();
      if (--block->unfinished_uses == 0) make_free(block);
    }
  }
}

void MemoryCache::make_free(Block* block) {
  count_out(stats_.active, stats_.active_bytes, *block);
  block->requested = 0;
  if (block->next && block->next->is_free()) {
    remove_free(block->next.get());
    block->absorb_next();
  }
  if (block->previous && block->previous->is_free()) {
    block = block->previous;
    remove_free(block);
    block->absorb_next();
  }
  add_free(block);
}

void MemoryCache::add_free(Block* block) {
  free_.insert(block);
  if (!block->is_whole_segment())
    count_in(stats_.inactive_split, stats_.inactive_split_bytes, *block);
}

void MemoryCache::remove_free(Block* block) {
  free_.erase(block);
  if (!block->is_whole_segment())
    count_out(stats_.inactive_split, stats_.inactive_split_bytes, *block);
}

void MemoryCache::release_cached() {
  std::vector<std::unique_ptr<Block>> segments;
  {
    const std::lock_guard lock(mutex_);
    finish_uses();
    for (auto each = segments_.begin(); each != segments_.end();) {
      const auto here = each++;
      auto& block = here->second;
      if (!block->is_free() || !block->is_whole_segment()) continue;
      remove_free(block.get());
      segments.push_back(std::move(block));
      segments_.erase(here);
    }
  }
  std::set<StreamState*> streams;
  for (const auto& segment : segments) streams.insert(segment->stream);
  for (auto* stream : streams) stream->wait();
  auto& context = c10::xpu::get_device_context();
  for (const auto& segment : segments) {
    sycl::free(segment->pointer(), context);
    const std::lock_guard lock(mutex_);
    count_out(stats_.segment, stats_.reserved_bytes, *segment);
    ++stats_.num_device_free;
  }
}

void MemoryCache::wait_for_uses() {
  std::vector<sycl::event> ends;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [stream, uses] : uses_)
      if (!uses.empty()) ends.push_back(uses.back().end);
  }
  const HostWait without_gil;
  sycl::event::wait(ends);
}

bool MemoryCache::owns(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const std::lock_guard lock(mutex_);
  auto after = segments_.upper_bound(address);
  if (after == segments_.begin()) return false;
  std::size_t end = 0;
  for (const auto* block = std::prev(after)->second.get(); block; block = block->next.get())
    end = block->address + block->size;
  return address < end;
}

DeviceStats MemoryCache::stats() {
  const std::lock_guard lock(mutex_);
  finish_uses();
  return stats_;
}

void MemoryCache::reset_peak_stats() {
  const std::lock_guard lock(mutex_);
  for_each_entry(stats_, [](Stat& entry) { entry.reset_peak(); });
}

void MemoryCache::reset_accumulated_stats() {
  const std::lock_guard lock(mutex_);
  for_each_entry(stats_, [](Stat& entry) { entry.reset_accumulated(); });
  stats_.num_alloc_retries = 0;
  stats_.num_ooms = 0;
  stats_.num_sync_all_streams = 0;
  stats_.num_device_alloc = 0;
  stats_.num_device_free = 0;
}

std::pair<std::size_t, std::size_t> MemoryCache::capacity() {
  const std::lock_guard lock(mutex_);
  return {total_ - std::min(total_, total_bytes(stats_.reserved_bytes)), total_};
}

std::size_t MemoryCache::limit() const noexcept {
  return static_cast<std::size_t>(static_cast<double>(total_) * fraction);
}

void MemoryCache::add_segments(std::vector<c10::CachingDeviceAllocator::SegmentInfo>& infos) {
  const std::lock_guard lock(mutex_);
  for (const auto& [address, first] : segments_) {
    auto& info = infos.emplace_back();
    info.device = device_;
    info.address = address;
    info.stream = &first->stream->queue;
    info.is_large = !first->is_small;
    for (const auto* block = first.get(); block; block = block->next.get()) {
      auto& entry = info.blocks.emplace_back();
      entry.size = block->size;
      entry.requested_size = block->requested;
      entry.allocated = block->allocated;
      entry.active = !block->is_free();
      info.total_size += block->size;
      info.requested_size += block->requested;
      if (entry.allocated) info.allocated_size += block->size;
      if (entry.active) info.active_size += block->size;
    }
  }
}

void MemoryCache::throw_out_of_memory(std::size_t requested) {
  std::unique_lock lock(mutex_);
  ++stats_.num_ooms;
  const auto allocated = total_bytes(stats_.allocated_bytes);
  const auto reserved = total_bytes(stats_.reserved_bytes);
  lock.unlock();
  const auto largest =
      c10::xpu::get_raw_device(device_).get_info<sycl::info::device::max_mem_alloc_size>();
  TORCH_CHECK_WITH(
      OutOfMemoryError, false, "XPU out of memory. Tried to allocate ", format_size(requested),
      " on xpu:", static_cast<int>(device_), ", which has ", format_size(total_),
      " in total, of which this process may use ", format_size(limit()),
      " (torch.xpu.set_per_process_memory_fraction: ", fraction.load(), "). Tensors hold ",
      format_size(allocated), ", the cache another ", format_size(reserved - allocated),
      ". Free tensors, or use smaller ones; the largest single allocation of this "
      "device is ",
      format_size(largest), ".");
}

}  // namespace xpu_runtime
