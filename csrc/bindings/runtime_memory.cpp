// torch._C._xpu_*: memory.
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/csrc/Exceptions.h>

#include <array>

#include "bindings/runtime_parts.h"
#include "ops/no_gil.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

using c10::DeviceIndex;
using c10::CachingAllocator::Stat;
using c10::CachingAllocator::StatArray;
using c10::CachingDeviceAllocator::DeviceStats;
using c10::CachingDeviceAllocator::SegmentInfo;
namespace allocator = c10::xpu::XPUCachingAllocator;

py::dict to_dict(const Stat& stat) {
  py::dict result;
  result["current"] = stat.current;
  result["peak"] = stat.peak;
  result["allocated"] = stat.allocated;
  result["freed"] = stat.freed;
  return result;
}

py::dict to_dict(const StatArray& stats) {
  constexpr std::array<const char*, 3> pools{"all", "small_pool", "large_pool"};
  py::dict result;
  for (std::size_t i = 0; i < pools.size(); ++i) result[pools[i]] = to_dict(stats[i]);
  return result;
}

py::dict memory_stats(DeviceIndex device) {
  const DeviceStats stats = allocator::getDeviceStats(device);
  py::dict result;
  result["num_alloc_retries"] = stats.num_alloc_retries;
  result["num_ooms"] = stats.num_ooms;
  result["num_sync_all_streams"] = stats.num_sync_all_streams;
  result["num_device_alloc"] = stats.num_device_alloc;
  result["num_device_free"] = stats.num_device_free;
  result["allocation"] = to_dict(stats.allocation);
  result["segment"] = to_dict(stats.segment);
  result["active"] = to_dict(stats.active);
  result["inactive_split"] = to_dict(stats.inactive_split);
  result["allocated_bytes"] = to_dict(stats.allocated_bytes);
  result["reserved_bytes"] = to_dict(stats.reserved_bytes);
  result["active_bytes"] = to_dict(stats.active_bytes);
  result["inactive_split_bytes"] = to_dict(stats.inactive_split_bytes);
  result["requested_bytes"] = to_dict(stats.requested_bytes);
  return result;
}

py::dict to_dict(const SegmentInfo& segment) {
  py::dict result;
  result["device"] = segment.device;
  result["address"] = segment.address;
  result["total_size"] = segment.total_size;
  result["allocated_size"] = segment.allocated_size;
  result["active_size"] = segment.active_size;
  result["requested_size"] = segment.requested_size;
  result["stream"] = reinterpret_cast<std::uintptr_t>(segment.stream);
  result["segment_type"] = segment.is_large ? "large" : "small";
  py::list blocks;
  auto address = segment.address;
  for (const auto& block : segment.blocks) {
    py::dict entry;
    entry["address"] = address;
    entry["size"] = block.size;
    entry["requested_size"] = block.requested_size;
    entry["state"] = block.allocated ? "active_allocated"
                     : block.active  ? "active_awaiting_free"
                                     : "inactive";
    entry["frames"] = py::list();
    blocks.append(entry);
    address += block.size;
  }
  result["blocks"] = blocks;
  return result;
}

py::dict memory_snapshot(const py::object& /*mempool_id*/) {
  py::list segments;
  for (const auto& segment : allocator::snapshot().segments) segments.append(to_dict(segment));
  py::dict result;
  result["segments"] = segments;
  py::list traces;  // of each device, and empty: no history is recorded
  for (DeviceIndex i = 0; i < c10::xpu::device_count(); ++i) traces.append(py::list());
  result["device_traces"] = traces;
  return result;
}

}  // namespace

void bind_memory(py::module_& m) {
  using Released = py::call_guard<xpu_event_ops::NoGil>;
  m.def("_xpu_emptyCache", torch::wrap_pybind_function([] { allocator::emptyCache(); }),
        Released());
  m.def("_xpu_memoryStats", torch::wrap_pybind_function(&memory_stats));
  m.def("_xpu_resetPeakMemoryStats", torch::wrap_pybind_function(&allocator::resetPeakStats));
  m.def("_xpu_resetAccumulatedMemoryStats",
        torch::wrap_pybind_function(&allocator::resetAccumulatedStats));
  m.def("_xpu_getMemoryInfo", torch::wrap_pybind_function([](DeviceIndex device) {
          return allocator::get()->getMemoryInfo(device);
        }));
  m.def("_xpu_getMemoryFraction", torch::wrap_pybind_function(&allocator::getMemoryFraction));
  m.def("_xpu_setMemoryFraction", torch::wrap_pybind_function(&allocator::setMemoryFraction));
  m.def("_xpu_memorySnapshot", torch::wrap_pybind_function(&memory_snapshot));
}

}  // namespace xpu_bindings
