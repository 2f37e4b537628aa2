// Memory: c10/xpu/XPUCachingAllocator.h on top of one MemoryCache per device.
#include "runtime/c10_xpu/allocator.h"

#include <c10/core/Allocator.h>
#include <c10/util/Synchronized.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>

#include <cstring>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/c10_xpu/device_pool.h"
#include "runtime/c10_xpu/fork.h"
#include "runtime/c10_xpu/gpu_trace.h"
#include "runtime/c10_xpu/memory_cache.h"
#include "runtime/c10_xpu/order_log.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::DeviceIndex;

MemoryCache& cache_of(DeviceIndex device) {
  // Leaked: tensors are freed until the very end of the process.
  static auto* all = [] {
    auto* caches = new std::vector<std::unique_ptr<MemoryCache>>;
    for (DeviceIndex i = 0; i < c10::xpu::device_count_ensure_non_zero(); ++i)
      caches->push_back(std::make_unique<MemoryCache>(i));
    return caches;
  }();
  return *(*all)[checked(device)];
}

// Tells those who watch: torch's GPU trace, the order log and torch's profiler.
void announce(order_log::Op op, const Block& block) {
  const bool is_new = op == order_log::Op::allocate;
  gpu_trace(
      is_new ? &GpuTrace::trace_gpu_memory_allocation : &GpuTrace::trace_gpu_memory_deallocation,
      block.pointer());
  if (order_log::enabled())
    order_log::add(
        {.op = op, .stream = block.stream->handle, .address = block.address, .bytes = block.size});
  if (!c10::memoryProfilingEnabled()) return;
  const auto size = static_cast<std::int64_t>(block.size);
  const auto device = block.stream->device();
  const auto stats = cache_of(device).stats();
  c10::reportMemoryUsageToProfiler(block.pointer(), is_new ? size : -size,
                                   stats.allocated_bytes[0].current,
                                   stats.reserved_bytes[0].current, c10::Device(c10::kXPU, device));
}

// Deleters must not throw, and a forked child must not touch the device: both leave the memory be.
void give_back(void* context) noexcept {
  if (!context || in_bad_fork()) return;
  auto* block = static_cast<Block*>(context);
  try {
    announce(order_log::Op::free, *block);
    cache_of(block->stream->device()).give_back(block);
  } catch (const std::exception& error) {
    TORCH_WARN("XPU memory at ", block->pointer(), " is lost: ", error.what());
  }
}

class CachingAllocator final : public c10::xpu::XPUCachingAllocator::XPUAllocator {
 public:
  c10::DataPtr allocate(std::size_t size) override {
    const auto stream = c10::xpu::getCurrentXPUStream();
    const c10::Device device = stream.device();
    if (size == 0) return {nullptr, nullptr, &give_back, device};
    auto* block = cache_of(stream.device_index()).take(size, state_of(stream));
    announce(order_log::Op::allocate, *block);
    return {block->pointer(), block, &give_back, device};
  }

  void copy_data(void* destination, const void* source, std::size_t size) const override {
    enqueue(
        c10::xpu::getCurrentXPUStream(), "copy_", [=] { std::memcpy(destination, source, size); },
        order_log::accesses_of_bytes(destination, source, size));
  }

  void init(DeviceIndex /*device_count*/) override {}
  bool initialized() override { return c10::xpu::device_count() > 0; }

  void* raw_alloc(std::size_t size) override {
    auto memory = allocate(size);
    auto* pointer = memory.get();
    if (pointer) raw_.withLock([&](auto& raw) { raw.emplace(pointer, std::move(memory)); });
    return pointer;
  }

  void raw_delete(void* pointer) override {
    if (!pointer) return;
    // Given back without the lock, where the node ends.
    const auto node = raw_.withLock([pointer](auto& raw) { return raw.extract(pointer); });
    TORCH_CHECK(!node.empty(), "The pointer ", pointer,
                " was not allocated with the XPU allocator's raw_alloc.");
  }

  void emptyCache(c10::MempoolId_t /*pool*/) override {
    for (DeviceIndex i = 0; i < c10::xpu::device_count(); ++i) cache_of(i).release_cached();
  }

  void recordStream(const c10::DataPtr& pointer, c10::Stream stream) override {
    // Memory of another origin (dlpack, external) is not ours to hold back.
    if (!pointer.get() || pointer.get_deleter() != &give_back) return;
    auto* block = static_cast<Block*>(pointer.get_context());
    cache_of(block->stream->device()).record_use(block, state_of(c10::xpu::XPUStream(stream)));
  }

  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(DeviceIndex device) override {
    return cache_of(device).stats();
  }
  void resetAccumulatedStats(DeviceIndex device) override {
    cache_of(device).reset_accumulated_stats();
  }
  void resetPeakStats(DeviceIndex device) override { cache_of(device).reset_peak_stats(); }
  std::pair<std::size_t, std::size_t> getMemoryInfo(DeviceIndex device) override {
    return cache_of(device).capacity();
  }

 private:
  c10::Synchronized<std::unordered_map<void*, c10::DataPtr>> raw_;
};

}  // namespace

std::optional<DeviceIndex> device_of_allocation(const void* pointer) {
  for (DeviceIndex i = 0; i < c10::xpu::device_count(); ++i)
    if (cache_of(i).owns(pointer)) return i;
  return std::nullopt;
}

}  // namespace xpu_runtime

namespace c10::xpu::XPUCachingAllocator {

std::atomic<XPUAllocator*> allocator{new xpu_runtime::CachingAllocator};

double getMemoryFraction(DeviceIndex device) { return xpu_runtime::cache_of(device).fraction; }

void setMemoryFraction(double fraction, DeviceIndex device) {
  TORCH_CHECK_VALUE(fraction >= 0.0 && fraction <= 1.0, "invalid fraction: ", fraction,
                    ". Please set it within [0, 1].");
  xpu_runtime::cache_of(device).fraction = fraction;
}

SnapshotInfo snapshot(MempoolId_t /*mempool_id*/) {
  SnapshotInfo info;
  for (DeviceIndex i = 0; i < device_count(); ++i) {
    xpu_runtime::cache_of(i).add_segments(info.segments);
    info.device_traces.emplace_back();
  }
  return info;
}

}  // namespace c10::xpu::XPUCachingAllocator
