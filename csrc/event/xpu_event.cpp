#include "event/xpu_event.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <sycl/sycl.hpp>

#include "event/error.h"

namespace xpu_event {

static_assert(std::is_standard_layout_v<XPUEvent>,
              "an XPUEvent* is also used as the sycl::event* that comes first in it");
static_assert(!std::is_copy_constructible_v<XPUEvent> && !std::is_copy_assignable_v<XPUEvent>);
static_assert(std::is_nothrow_move_constructible_v<XPUEvent> &&
              std::is_nothrow_move_assignable_v<XPUEvent>);

namespace {

std::atomic<bool> process_is_exiting{false};

// Runs before the SYCL runtime shuts down, which was up already when the first event was recorded.
void watch_for_process_exit() {
  [[maybe_unused]] static const int registered =
      std::atexit([] { process_is_exiting.store(true); });
}

void check_can_be_timed(const sycl::queue& queue) {
  if (queue.has_property<sycl::property::queue::enable_profiling>()) return;
  const sycl::device device = queue.get_device();
  if (device.has(sycl::aspect::ext_oneapi_queue_profiling_tag)) return;
  throw Error(
      "An event with enable_timing cannot be recorded on this queue: it was created "
      "without enable_profiling and its device (" +
      device.get_info<sycl::info::device::name>() +
      ") has no profiling tags. Create the queue with "
      "sycl::property::queue::enable_profiling, or the event without enable_timing.");
}

bool is_captured(const sycl::queue& queue) {
  using sycl::ext::oneapi::experimental::queue_state;
  return queue.ext_oneapi_get_state() == queue_state::recording;
}

// SYCL answers for such an event too, but the answer is not about any launch of the graph.
void check_not_captured(bool captured) {
  if (!captured) return;
  throw Error(
      "The event was recorded into a command graph, where it is reached once in every "
      "launch: it has no state or time of its own. Record an event after the launch of "
      "the graph and use that one.");
}

// By owner, so that a queue at the address of a destroyed one is not taken for that one.
bool is_same(const sycl::ext::oneapi::weak_object<sycl::queue>& one, const sycl::queue& other) {
  return !other.ext_oneapi_owner_before(one) && !one.owner_before(other);
}

sycl::event submit_marker(sycl::queue& queue, bool enable_timing) {
  return translate_errors("recording", [&] {
    if (!enable_timing) return queue.ext_oneapi_submit_barrier();
    check_can_be_timed(queue);
    return sycl::ext::oneapi::experimental::submit_profiling_tag(queue);
  });
}

std::uint64_t end_ns(const sycl::event& event) {
  return event.get_profiling_info<sycl::info::event_profiling::command_end>();
}

void check_both(bool start, bool end, const char* requirement, const char* remedy) {
  if (start && end) return;
  const char* culprit = !start && !end ? "neither is" : (start ? "end is not" : "start is not");
  throw Error(std::string(requirement) + " (" + culprit + "). " + remedy);
}

}  // namespace

XPUEvent::XPUEvent(bool enable_timing) noexcept : enable_timing_(enable_timing) {}

XPUEvent::~XPUEvent() {
  // Once the SYCL runtime is shutting down, releasing what belongs to it crashes; leaking does not.
  if (created() && !process_is_exiting.load()) event_.~event();
}

XPUEvent::XPUEvent(XPUEvent&& other) noexcept : enable_timing_(other.enable_timing_) {
  const std::lock_guard lock(other.mutex_);
  take(other);
}

XPUEvent& XPUEvent::operator=(XPUEvent&& other) noexcept {
  if (this == &other) return *this;
  XPUEvent previous;  // declared before the lock: released without it
  const std::scoped_lock lock(mutex_, other.mutex_);
  previous.take(*this);
  take(other);
  enable_timing_ = other.enable_timing_;
  return *this;
}

// Moves the recording of `other` into this event, which has none.
void XPUEvent::take(XPUEvent& other) noexcept {
  if (!other.created()) return;
  std::construct_at(&event_, std::move(other.event_));
  std::destroy_at(&other.event_);
  queue_ = std::exchange(other.queue_, {});
  device_index_.store(other.device_index_.exchange(-1));
  state_.store(other.state_.exchange(State::never_recorded));
}

void XPUEvent::record(sycl::queue& queue, int device_index) {
  check_device(device_index);
  const State state = is_captured(queue) ? State::captured : State::pending;
  sycl::event marker = submit_marker(queue, enable_timing_);
  publish(marker, &queue, device_index, state);
}

void XPUEvent::adopt(const sycl::event& event, int device_index) {
  sycl::event marker = event;
  publish(marker, nullptr, device_index, State::pending);
}

void XPUEvent::check_device(int device_index) const {
  const int pinned = device_index_.load();
  if (pinned == -1 || pinned == device_index) return;
  throw Error("Event device " + std::to_string(pinned) +
              " does not match recording stream's device " + std::to_string(device_index) +
              ". An event stays on the device it was first recorded on: use another event for "
              "device " +
              std::to_string(device_index) + ".");
}

// The previous recording leaves in `marker`, so that it is released without the lock. `queue` is
// null if nobody knows where the marker was recorded.
void XPUEvent::publish(sycl::event& marker, const sycl::queue* queue, int device_index,
                       State state) {
  watch_for_process_exit();
  const std::lock_guard lock(mutex_);
  // Another thread may have pinned the event since; the marker submitted meanwhile is harmless.
  check_device(device_index);
  if (created()) {
    std::swap(event_, marker);
  } else {
    std::construct_at(&event_, std::move(marker));
  }
  if (!queue) {
    queue_.reset();
  } else if (!is_same(queue_, *queue)) {  // usually it is the same; assigning costs two atomics
    queue_ = *queue;
  }
  device_index_.store(device_index);
  state_.store(state);
}

bool XPUEvent::wait(sycl::queue& queue) const {
  const auto event = pending_for(queue);
  if (event) wait_for(queue, *event);
  return event.has_value();
}

std::optional<sycl::event> XPUEvent::pending_for(const sycl::queue& queue) const {
  auto recording = unfinished();
  if (!recording || precedes_later_work(*recording, queue)) return std::nullopt;
  return std::move(recording->event);
}

// Whether later submissions to `queue` run after `recording` anyway.
bool XPUEvent::precedes_later_work(const Recording& recording, const sycl::queue& queue) const {
  // Captured work runs elsewhere and later; only edges of the command graph order it.
  if (recording.state == State::captured) return false;
  // The marker was submitted before it was published, so it is ahead of all later submissions.
  if (!is_captured(queue) && queue.is_in_order() && recording.is_on(queue)) return true;
  // Complete means that the work before the event is complete and its effects are visible. torch's
  // caching allocators hand memory from stream to stream on the strength of this same query.
  return poll(recording);
}

bool XPUEvent::Recording::is_on(const sycl::queue& other) const { return is_same(queue, other); }

bool XPUEvent::query() const {
  const auto recording = unfinished();
  return !recording || poll(*recording);
}

void XPUEvent::synchronize() const {
  auto recording = unfinished();
  if (!recording) return;
  check_not_captured(recording->state == State::captured);
  translate_errors("synchronizing", [&] { recording->event.wait_and_throw(); });
  mark_complete(*recording);
}

double XPUEvent::elapsed_ms(const XPUEvent& start, const XPUEvent& end) {
  check_both(start.enable_timing_, end.enable_timing_,
             "Both events must be created with argument 'enable_timing=True'",
             "Create both events with enable_timing=True.");
  const auto from = start.latest();
  const auto to = end.latest();
  check_both(from.has_value(), to.has_value(),
             "Both events must be recorded before calculating elapsed time",
             "Call record() on both events first.");
  check_both(start.poll(*from), end.poll(*to),
             "Both events must be completed before calculating elapsed time",
             "Call synchronize() on both events first.");
  if (from->device_index != to->device_index) {
    throw Error("Both events must be recorded on the same device: start is on device " +
                std::to_string(from->device_index) + ", end on device " +
                std::to_string(to->device_index) +
                ", and their clocks have nothing in common. Record both on one device.");
  }
  return translate_errors("reading the times of events", [&] {
    return 1e-6 *
           static_cast<double>(static_cast<std::int64_t>(end_ns(to->event) - end_ns(from->event)));
  });
}

bool XPUEvent::created() const noexcept { return state_.load() != State::never_recorded; }
bool XPUEvent::enable_timing() const noexcept { return enable_timing_; }
int XPUEvent::device_index() const noexcept { return device_index_.load(); }
const sycl::event& XPUEvent::sycl_event() const noexcept { return event_; }

sycl::event XPUEvent::share() const {
  const auto recording = latest();
  return recording ? recording->event : sycl::event();
}

std::optional<XPUEvent::Recording> XPUEvent::latest() const {
  const std::lock_guard lock(mutex_);
  if (!created()) return std::nullopt;
  return Recording{event_, queue_, device_index_.load(), state_.load()};
}

// Nothing if there is nothing left to wait for.
std::optional<XPUEvent::Recording> XPUEvent::unfinished() const {
  const State state = state_.load();
  if (state == State::never_recorded || state == State::complete) return std::nullopt;
  return latest();
}

bool XPUEvent::poll(const Recording& recording) const {
  using sycl::info::event_command_status;
  if (recording.state == State::complete) return true;
  check_not_captured(recording.state == State::captured);
  const bool complete = translate_errors("querying", [&] {
    return recording.event.get_info<sycl::info::event::command_execution_status>() ==
           event_command_status::complete;
  });
  if (complete) mark_complete(recording);
  return complete;
}

// Not if it was recorded again meanwhile. The copy keeps its event alive, so equal means the same.
void XPUEvent::mark_complete(const Recording& recording) const {
  const std::lock_guard lock(mutex_);
  if (created() && event_ == recording.event) state_.store(State::complete);
}

void wait_for(sycl::queue& queue, const sycl::event& event) {
  // Not queue.ext_oneapi_submit_barrier({event}): that one blocks the host for as long as the
  // event depends on a host task that has not finished.
  translate_errors("waiting on a queue", [&] {
    queue.submit([&](sycl::handler& handler) {
      handler.depends_on(event);
      handler.ext_oneapi_barrier();
    });
  });
}

}  // namespace xpu_event
