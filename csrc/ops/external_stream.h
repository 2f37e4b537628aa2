// Queues of other libraries as streams of torch.
#pragma once

#include <c10/core/Stream.h>
#include <torch/csrc/python_headers.h>

#include <cstdint>
#include <optional>

#include <sycl/queue.hpp>

namespace xpu_event_ops {

// The index of a device that a program gave; a negative one means none.
[[nodiscard]] std::optional<c10::DeviceIndex> index_from(int device);
[[nodiscard]] c10::DeviceIndex index_or_current(int device);

// The stream that is current on a device, for the calling thread.
[[nodiscard]] c10::Stream current_stream_on(c10::DeviceIndex device);

// The stream that a new thread begins on. Found by a thread that looks, once for each device: no
// number names it, because upstream numbers it in another way than our runtime. Needs the GIL.
[[nodiscard]] c10::Stream default_stream_on(c10::DeviceIndex device);

// The object of class torch.xpu.Stream for a stream. A new reference.
[[nodiscard]] PyObject* python_stream(const c10::Stream& stream);

// The native queue of a stream.
[[nodiscard]] sycl::queue& queue_of(const c10::Stream& stream);

// The stream for `queue`: torch's own stream if it is a queue of torch, otherwise the same one at
// every call. It keeps the queue alive until the process ends, because torch knows a stream only as
// a number, which the allocator and events note without counting.
//
// Without `device`, the queue says which one. Needs the GIL. Raises for a queue that cannot be a
// stream: see xpu_event::check_is_usable.
[[nodiscard]] c10::Stream external_stream(const sycl::queue& queue,
                                          std::optional<c10::DeviceIndex> device);

// The queue in `source`: a capsule, which is consumed, or an address. Needs the GIL.
[[nodiscard]] sycl::queue queue_from(PyObject* source, const char* where);

}  // namespace xpu_event_ops
