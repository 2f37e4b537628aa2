#pragma once

#include <c10/core/Device.h>
#include <c10/core/Stream.h>
#include <c10/macros/Export.h>

#include <atomic>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// The runtime log: what ran when on which stream. Off by default, then one relaxed load per use.
/// All times are nanoseconds of one monotonic clock. The log has any number of readers at a time.
namespace xpu_runtime::trace {

/// The number that torch.profiler gave to an operation of the host; 0: none.
using Operation = std::uint64_t;

/// The calling thread enters, or leaves, an operation. What it submits in between carries the
/// number.
C10_EXPORT void enter(Operation operation);
C10_EXPORT void leave() noexcept;
[[nodiscard]] C10_EXPORT Operation current_operation() noexcept;

/// While torch.profiler does not collect, this is the operation that everything is submitted by.
constexpr Operation kPaused = std::numeric_limits<Operation>::max();
C10_EXPORT void pause(bool paused) noexcept;

/// A task of a stream, an operation on an event, or a wait of the host: for an event, for all of a
/// stream, for all of a device.
enum class Op : std::uint8_t { task, record, wait, event_sync, stream_sync, device_sync };

/// `end_ns` is when the stream or the host got past it, 0 if it had not when the log was stopped.
struct Record {
  Op op;
  c10::Stream stream;
  std::int64_t submit_ns;
  Operation operation = current_operation();
  std::int64_t start_ns = 0;  // of a task
  std::string name{};         // of a task
  const void* event = nullptr;
  std::int64_t end_ns = 0;
};

using Log = std::vector<Record>;

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

/// Ends reading and returns what was logged meanwhile; the last reader stops the log. Tasks not yet
/// complete are left out. Throws if `reader` is not reading.
[[nodiscard]] C10_EXPORT Log stop(Reader reader);

[[nodiscard]] C10_EXPORT std::int64_t now_ns() noexcept;

/// The time, or 0 if the log is off.
[[nodiscard]] inline std::int64_t begin_ns() noexcept { return enabled() ? now_ns() : 0; }

/// Adds what is over now; not if the log is off, or was when it began (`submit_ns` is 0 then).
C10_EXPORT void add_finished(Record record);

/// Adds an operation and returns its ticket, for finish().
C10_EXPORT std::uint64_t add(Record record);

/// Sets `end_ns` of an operation to now. Stale tickets of an earlier log are ignored.
C10_EXPORT void finish(std::uint64_t ticket) noexcept;

}  // namespace xpu_runtime::trace
