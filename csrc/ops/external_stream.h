// Queues of other libraries as streams of torch.
#pragma once

#include <c10/core/Stream.h>
#include <torch/csrc/python_headers.h>

#include <cstdint>
#include <optional>

#include <sycl/queue.hpp>

namespace xpu_event_ops {

// What a program means by the index of a device: a negative one is none given.
[[nodiscard]] std::optional<c10::DeviceIndex> index_from(int device);
[[nodiscard]] c10::DeviceIndex index_or_current(int device);

// The object of class torch.xpu.Stream for a stream. A new reference.
[[nodiscard]] PyObject* python_stream(const c10::Stream& stream);

// The native queue of a stream.
[[nodiscard]] sycl::queue& queue_of(const c10::Stream& stream);

// The stream that stands for `queue`: one of torch's own if it is that, else the same one at every
// call. It keeps the queue alive until the process ends, because a stream is only a number to
// torch, which the allocator and events note without counting.
//
// `device` is found from the queue when not given. Needs the GIL. Raises for a queue that cannot be
// a stream: see xpu_event::check_is_usable.
[[nodiscard]] c10::Stream external_stream(const sycl::queue& queue,
                                          std::optional<c10::DeviceIndex> device);

// The queue that `source` stands for: a capsule, which is consumed, or an address. Needs the GIL.
[[nodiscard]] sycl::queue queue_from(PyObject* source, const char* where);

}  // namespace xpu_event_ops
