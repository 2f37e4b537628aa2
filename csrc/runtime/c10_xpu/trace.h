#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/c10_xpu/export.h"

/// The runtime log: what ran when on which stream. Off by default, then one relaxed load per use.
/// All times are nanoseconds of one monotonic clock. The log has any number of readers at a time.
namespace xpu_runtime::trace {

/// The number that torch.profiler gave to an operation of the host; 0: none.
using Operation = std::uint64_t;

/// A task of a stream, and the operation that submitted it.
struct TaskRecord {
  std::string name;
  c10::DeviceIndex device;
  c10::StreamId stream;
  std::int64_t submit_ns;
  std::int64_t start_ns;
  std::int64_t end_ns;
  Operation operation;
};

enum class EventOp : std::uint8_t { record, wait, synchronize };

/// An operation on an event. `end_ns` is when the stream (record, wait) or the host (synchronize)
/// got past it, 0 if it had not when the log was stopped.
struct EventRecord {
  EventOp op;
  std::uintptr_t event;
  c10::DeviceIndex device;
  c10::StreamId stream;
  std::int64_t submit_ns;
  std::int64_t end_ns;
  Operation operation;
};

struct Log {
  std::vector<TaskRecord> tasks;
  std::vector<EventRecord> events;
};

namespace detail {
XPU_RUNTIME_API extern std::atomic<bool> on;
}

[[nodiscard]] inline bool enabled() noexcept { return detail::on.load(std::memory_order_relaxed); }

/// The number of a reader of the log.
using Reader = std::uint64_t;

/// Begins to read; the first reader starts the log.
[[nodiscard]] XPU_RUNTIME_API Reader start();

/// Waits until everything that was submitted is complete, and so in the log. Errors of tasks stay
/// with their streams, for the next synchronisation.
XPU_RUNTIME_API void wait_for_all_streams();

/// Ends reading and returns what was logged meanwhile; the last reader stops the log. Work not yet
/// complete is left out. Throws if `reader` is not reading.
[[nodiscard]] XPU_RUNTIME_API Log stop(Reader reader);

[[nodiscard]] XPU_RUNTIME_API std::int64_t now_ns() noexcept;

/// Adds a finished task. Dropped when the log is off.
XPU_RUNTIME_API void add(TaskRecord record);

/// Adds an event operation and returns its ticket, for finish().
XPU_RUNTIME_API std::uint64_t add(const EventRecord& record);

/// Sets `end_ns` of an event operation to now. Stale tickets of an earlier log are ignored.
XPU_RUNTIME_API void finish(std::uint64_t ticket) noexcept;

/// The calling thread enters, or leaves, an operation. What it submits in between carries the
/// number.
XPU_RUNTIME_API void enter(Operation operation);
XPU_RUNTIME_API void leave() noexcept;
[[nodiscard]] XPU_RUNTIME_API Operation current_operation() noexcept;

}  // namespace xpu_runtime::trace
