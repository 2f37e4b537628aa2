#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/Stream.h>
#include <c10/macros/Export.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// The order log: what the host issues, in the order in which it does, and the memory that each
/// task touches. From it follows which work happens before which (xpu_dynamo_event/sanitizer).
/// Off by default, then one relaxed load per use.
namespace xpu_runtime::order_log {

/// Memory that a task reads or writes: a strided view.
struct Access {
  std::uintptr_t address;
  std::int64_t item_bytes;
  std::vector<std::int64_t> sizes;    // in elements
  std::vector<std::int64_t> strides;  // in elements
  bool is_write;
};
using Accesses = std::vector<Access>;

enum class Op : std::uint8_t {
  task,           ///< work of a stream
  record,         ///< of an event, on a stream
  wait,           ///< of a stream, for an event
  finish_event,   ///< the host knows an event to be complete
  finish_stream,  ///< the host knows all work of a stream to be complete
  allocate,       ///< memory for use in the order of a stream
  free,           ///< its end
  hold,           ///< freed memory is held back until a stream got here
  reclaim,        ///< of that memory: the stream got there
  free_host,      ///< pinned memory, which nothing uses any more
};

struct Entry {
  Op op;
  std::string name{};  // of a task
  c10::Stream stream{c10::Stream::DEFAULT, c10::Device(c10::kXPU, 0)};
  std::uintptr_t object = 0;   // an event
  std::uintptr_t address = 0;  // of memory
  std::size_t bytes = 0;
  Accesses accesses{};
  std::shared_ptr<c10::GatheredContext> where{};  // the stack at the issuing call
};

namespace detail {
C10_EXPORT extern std::atomic<bool> on;
}

[[nodiscard]] inline bool enabled() noexcept { return detail::on.load(std::memory_order_relaxed); }

/// Gathers the stack of the calling thread. May take the interpreter lock.
using StackSource = std::shared_ptr<c10::GatheredContext> (*)();

/// Empties the log and starts it, with stacks if `source` is not null.
C10_EXPORT void start(StackSource source);

/// Hands over what was logged so far.
[[nodiscard]] C10_EXPORT std::vector<Entry> drain();

/// Stops the log; what was logged stays until it is drained.
C10_EXPORT void stop() noexcept;

/// Adds an entry; drops it when the log is off. The caller must not hold a lock that a thread with
/// the interpreter lock may wait for.
C10_EXPORT void add(Entry entry);

/// The same without a stack, for callers that hold a lock.
C10_EXPORT void add_bare(Entry entry);

/// What a copy of bytes touches; empty when the log is off.
[[nodiscard]] C10_EXPORT Accesses accesses_of_bytes(const void* to, const void* from,
                                                    std::size_t bytes);

}  // namespace xpu_runtime::order_log
