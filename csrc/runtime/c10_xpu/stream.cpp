// Streams: c10/xpu/XPUStream.h. Pools of queues per device and priority, made one by one.
#include <c10/util/CallOnce.h>
#include <c10/xpu/XPUFunctions.h>
#include <c10/xpu/XPUStream.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <ostream>
#include <unordered_map>
#include <vector>

#include "event/queue_address.h"
#include "runtime/c10_xpu/device_pool.h"
#include "runtime/c10_xpu/fork.h"
#include "runtime/c10_xpu/gpu_trace.h"
#include "runtime/c10_xpu/stream_state.h"
#include "runtime/c10_xpu/task_queue.h"
#include "stream_ids/stream_ids.h"

namespace c10::xpu {
namespace {

using xpu_runtime::QueueProgress;
using xpu_runtime::resolve;
using xpu_runtime::StreamState;

namespace ids = xpu_stream_ids;
static_assert(ids::kPriorities == max_compile_time_stream_priorities);

constexpr int kNormalRank = ids::kNormalRank;

sycl::property_list queue_properties(const sycl::device& device, int rank) {
  using sycl::ext::oneapi::property::queue::priority_high;
  using sycl::ext::oneapi::property::queue::priority_low;
  using sycl::ext::oneapi::property::queue::priority_normal;
  const sycl::property::queue::in_order in_order;
  const sycl::property::queue::enable_profiling profiling;
  // Where the aspect is missing, a profiling tag (an event with timing) needs a profiling queue.
  const bool tags = device.has(sycl::aspect::ext_oneapi_queue_profiling_tag);
  const auto with = [&](auto priority) {
    return tags ? sycl::property_list{in_order, priority}
                : sycl::property_list{in_order, profiling, priority};
  };
  if (rank < kNormalRank) return with(priority_low());
  if (rank > kNormalRank) return with(priority_high());
  return with(priority_normal());
}

XPUStream stream_from_id(DeviceIndex device, StreamId id) {
  return XPUStream(XPUStream::UNCHECKED,
                   Stream(Stream::UNSAFE, Device(DeviceType::XPU, device), id));
}

std::unique_ptr<StreamState> make_stream(DeviceIndex device, StreamId id, int place) {
  xpu_runtime::note_device_use();
  const auto& hardware = get_raw_device(device);
  const int rank = ids::rank_of_place(place);
  const auto progress = std::make_shared<QueueProgress>();
  const auto keep_errors = [progress](const sycl::exception_list& errors) {
    for (const auto& error : errors) progress->keep_error(progress->submitted.load(), error);
  };
  sycl::queue queue(get_device_context(), hardware, keep_errors, queue_properties(hardware, rank));
  xpu_runtime::report_unseen_errors_at_exit();
  return std::make_unique<StreamState>(stream_from_id(device, id), kNormalRank - rank,
                                       std::move(queue), progress);
}

// A stream that is made when it is first needed, and never given up.
class Slot {
 public:
  StreamState& get(DeviceIndex device, StreamId id, int place) {
    bool is_new = false;
    c10::call_once(once_, [&] {
      state_.store(make_stream(device, id, place).release(), std::memory_order_release);
      is_new = true;
    });
    auto* state = get_if_used();
    // Not above, where others may wait with the interpreter lock: it takes that lock.
    if (is_new)
      xpu_runtime::gpu_trace(&xpu_runtime::GpuTrace::trace_gpu_stream_creation, &state->queue);
    return *state;
  }
  [[nodiscard]] StreamState* get_if_used() const noexcept {
    return state_.load(std::memory_order_acquire);
  }

 private:
  c10::once_flag once_;
  std::atomic<StreamState*> state_{nullptr};
};

struct DeviceStreams {
  std::array<Slot, ids::kPlaces> own;
  std::array<std::atomic<std::uint32_t>, ids::kPriorities> next{};
  std::mutex external_mutex;
  // Another queue may come to be at the same address. Tasks of the one before may still run then,
  // so there is one state after the other; the last one is current.
  std::unordered_map<StreamId, std::vector<std::unique_ptr<StreamState>>> external;
};

DeviceStreams& streams_of(DeviceIndex device) {
  // Leaked, as the queues in it must outlive every static object that may still use them.
  static auto* all = new std::vector<DeviceStreams>(device_count_ensure_non_zero());
  return (*all)[device];
}

StreamState& external_state(DeviceIndex device, StreamId id) {
  auto& streams = streams_of(device);
  const std::lock_guard lock(streams.external_mutex);
  const auto found = streams.external.find(id);
  TORCH_CHECK(found != streams.external.end() && !found->second.empty(), "The stream id ", id,
              " names no stream of xpu:", static_cast<int>(device),
              ". Streams come from torch.xpu.Stream(), torch.Stream(device='xpu') or "
              "torch.xpu.get_stream_from_external().");
  return *found->second.back();
}

// A stream of this queue, on this device rather than on another, or null. Streams of one queue are
// in order with one another, and what was submitted to one is work of all.
const StreamState* find_stream_of(const sycl::queue& queue, DeviceIndex device) {
  const StreamState* elsewhere = nullptr;
  for (DeviceIndex index = 0; index < device_count(); ++index) {
    for (auto* state : xpu_runtime::used_streams(index)) {
      if (state->queue != queue) continue;
      if (index == device) return state;
      elsewhere = state;
    }
  }
  return elsewhere;
}

StreamId& current_id(DeviceIndex device) {
  thread_local std::vector<StreamId> current(device_count(), ids::default_id());
  return current[device];
}

}  // namespace

int XPUStream::priority() const {
  const auto rank = ids::rank_of(id());
  return rank ? kNormalRank - *rank : xpu_runtime::state_of(*this).priority;
}

sycl::queue& XPUStream::queue() const { return xpu_runtime::state_of(*this).queue; }

XPUStream getStreamFromPool(const int priority, DeviceIndex device) {
  device = resolve(device);
  const int rank = std::clamp(kNormalRank - priority, 0, ids::kPriorities - 1);
  const auto ticket = streams_of(device).next[rank].fetch_add(1, std::memory_order_relaxed);
  return stream_from_id(device,
                        ids::pool_id(rank, static_cast<int>(ticket % ids::kStreamsPerPool)));
}

XPUStream getStreamFromPool(const bool isHighPriority, DeviceIndex device) {
  return getStreamFromPool(isHighPriority ? -1 : 0, device);
}

XPUStream getStreamFromExternal(sycl::queue* ext_queue, DeviceIndex device_index) {
  device_index = resolve(device_index);
  const auto& ours = stream_from_id(device_index, ids::default_id()).queue();
  xpu_event::check_is_usable(xpu_event::queue_at(reinterpret_cast<std::uintptr_t>(ext_queue), ours),
                             ours);
  xpu_runtime::note_device_use();
  const auto id = reinterpret_cast<StreamId>(ext_queue);
  static std::mutex one_at_a_time;
  const std::lock_guard one_queue(one_at_a_time);
  const auto* same = find_stream_of(*ext_queue, device_index);
  if (same && same->device() == device_index && !ids::are_upstreams() &&
      ids::place_of(same->handle.id()))
    return XPUStream(same->handle);
  auto& streams = streams_of(device_index);
  const std::lock_guard lock(streams.external_mutex);
  auto& states = streams.external[id];
  const auto stream = stream_from_id(device_index, id);
  // The copy of the queue in the state keeps it alive: a stream may outlive its owner's object.
  if (states.empty() || states.back()->queue != *ext_queue)
    states.push_back(
        std::make_unique<StreamState>(stream, /*priority=*/0, *ext_queue,
                                      same ? same->progress : std::make_shared<QueueProgress>()));
  return stream;
}

XPUStream getCurrentXPUStream(DeviceIndex device) {
  device = resolve(device);
  return stream_from_id(device, current_id(device));
}

void setCurrentXPUStream(XPUStream stream) {
  // The look-up checks that there is such a stream.
  const auto& state = xpu_runtime::state_of(stream);
  current_id(state.device()) = state.handle.id();
}

std::ostream& operator<<(std::ostream& stream, const XPUStream& s) { return stream << s.unwrap(); }

void syncStreamsOnDevice(DeviceIndex device) { xpu_runtime::synchronize(device); }

// Declared from torch 2.14 on.
C10_XPU_API void device_synchronize(DeviceIndex device);
void device_synchronize(DeviceIndex device) { xpu_runtime::synchronize(device); }

}  // namespace c10::xpu

namespace xpu_runtime {

using namespace c10::xpu;

StreamState& state_of(const XPUStream& stream) {
  check_not_forked();
  const auto id = stream.id();
  const auto device = checked(stream.device_index());
  const auto place = xpu_stream_ids::place_of(id);
  return place ? streams_of(device).own[*place].get(device, id, *place)
               : external_state(device, id);
}

std::vector<StreamState*> used_streams(c10::DeviceIndex device) {
  check_not_forked();
  auto& streams = streams_of(resolve(device));
  std::vector<StreamState*> used;
  for (const auto& slot : streams.own)
    if (auto* state = slot.get_if_used()) used.push_back(state);
  const std::lock_guard lock(streams.external_mutex);
  for (const auto& [id, states] : streams.external)
    for (const auto& state : states) used.push_back(state.get());
  return used;
}

}  // namespace xpu_runtime
