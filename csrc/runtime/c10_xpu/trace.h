#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/macros/Export.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

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
C10_EXPORT extern std::atomic<bool> on;
}

[[nodiscard]] inline bool enabled() noexcept { return detail::on.load(std::memory_order_relaxed); }

/// The number of a reader of the log.
using Reader = std::uint64_t;

/// Begins to read; the first reader starts the log.
[[nodiscard]] C10_EXPORT Reader start();

/// Waits until everything that was submitted is complete, and so in the log. Errors of tasks stay
/// with their streams, for the next synchronisation.
C10_EXPORT void wait_for_all_streams();

/// Ends reading and returns what was logged meanwhile; the last reader stops the log. Work not yet
/// complete is left out. Throws if `reader` is not reading.
[[nodiscard]] C10_EXPORT Log stop(Reader reader);

[[nodiscard]] C10_EXPORT std::int64_t now_ns() noexcept;

/// Adds a finished task. Dropped when the log is off.
C10_EXPORT void add(TaskRecord record);

/// Adds an event operation and returns its ticket, for finish().
C10_EXPORT std::uint64_t add(const EventRecord& record);

/// Sets `end_ns` of an event operation to now. Stale tickets of an earlier log are ignored.
C10_EXPORT void finish(std::uint64_t ticket) noexcept;

/// The calling thread enters, or leaves, an operation. What it submits in between carries the
/// number.
C10_EXPORT void enter(Operation operation);
C10_EXPORT void leave() noexcept;
[[nodiscard]] C10_EXPORT Operation current_operation() noexcept;

}  // namespace xpu_runtime::trace
