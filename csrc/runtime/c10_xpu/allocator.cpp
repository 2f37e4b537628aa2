// Memory: c10/xpu/XPUCachingAllocator.h on top of one MemoryCache per device.
#include "runtime/c10_xpu/allocator.h"

#include <c10/core/Allocator.h>
#include <c10/xpu/XPUCachingAllocator.h>

#include <mutex>
#include <unordered_map>

#include "runtime/c10_xpu/fork.h"
#include "runtime/c10_xpu/gpu_trace.h"
#include "runtime/c10_xpu/memory_cache.h"
#include "runtime/c10_xpu/order_log.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::DeviceIndex;

struct Allocation {
  MemoryCache* cache;
  Block* block;
};

MemoryCache& cache_of(DeviceIndex device) {
  // Leaked: tensors are freed until the very end of the process.
  static auto* all = [] {
    auto* caches = new std::vector<std::unique_ptr<MemoryCache>>;
    for (DeviceIndex i = 0; i < c10::xpu::device_count_ensure_non_zero(); ++i)
      caches->push_back(std::make_unique<MemoryCache>(i));
    return caches;
  }();
  c10::xpu::check_device_index(device);
  return *(*all)[device];
}

void report(const Block& block, DeviceIndex device, std::int64_t change) {
  if (!c10::memoryProfilingEnabled()) return;
  const auto stats = cache_of(device).stats();
  c10::reportMemoryUsageToProfiler(block.pointer(), change, stats.allocated_bytes[0].current,
                                   stats.reserved_bytes[0].current, c10::Device(c10::kXPU, device));
}

void log_order(order_log::Op op, const Block& block) {
  if (!order_log::enabled()) return;
  order_log::add(
      {.op = op, .stream = block.stream->handle, .address = block.address, .bytes = block.size});
}

Block* take(std::size_t size, const c10::xpu::XPUStream& stream) {
  const auto device = stream.device_index();
  auto* block = cache_of(device).take(size, state_of(stream));
  report(*block, device, static_cast<std::int64_t>(block->size));
  gpu_trace(&GpuTrace::trace_gpu_memory_allocation, block->pointer());
  log_order(order_log::Op::allocate, *block);
  return block;
}

// Deleters must not throw, and a forked child must not touch the device: both leave the memory be.
void give_back(void* context) noexcept {
  if (!context || in_bad_fork()) return;
  auto* block = static_cast<Block*>(context);
  const auto device = block->stream->device();
  try {
    gpu_trace(&GpuTrace::trace_gpu_memory_deallocation, block->pointer());
    log_order(order_log::Op::free, *block);
    report(*block, device, -static_cast<std::int64_t>(block->size));
    auto& cache = cache_of(device);
    // A free on another stream means that the memory was used there last, noted or not.
    cache.record_use(block, state_of(c10::xpu::getCurrentXPUStream(device)));
    cache.give_back(block);
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
    auto* block = take(size, stream);
    return {block->pointer(), block, &give_back, device};
  }

  void copy_data(void* destination, const void* source, std::size_t size) const override {
    enqueue(
        "copy_data", [=] { std::memcpy(destination, source, size); },
        order_log::accesses_of_bytes(destination, source, size));
  }

  void init(DeviceIndex /*device_count*/) override {}
  bool initialized() override { return c10::xpu::device_count() > 0; }

  void* raw_alloc(std::size_t size) override {
    if (size == 0) return nullptr;
    auto* block = take(size, c10::xpu::getCurrentXPUStream());
    const std::lock_guard lock(raw_mutex_);
    return raw_.emplace(block->pointer(), block).first->first;
  }

  void raw_delete(void* pointer) override {
    if (pointer) give_back(extract_raw(pointer));
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
  Block* extract_raw(void* pointer) {
    const std::lock_guard lock(raw_mutex_);
    const auto node = raw_.extract(pointer);
    TORCH_CHECK(!node.empty(), "The pointer ", pointer,
                " was not allocated with the XPU allocator's raw_alloc.");
    return node.mapped();
  }

  std::mutex raw_mutex_;
  std::unordered_map<void*, Block*> raw_;
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
    auto segments = xpu_runtime::cache_of(i).segments();
    info.segments.insert(info.segments.end(), std::make_move_iterator(segments.begin()),
                         std::make_move_iterator(segments.end()));
    info.device_traces.emplace_back();
  }
  return info;
}

}  // namespace c10::xpu::XPUCachingAllocator
