// Native events and queues in capsules, as dpctl passes them from extension to extension. The
// capsule owns a copy; the side that takes it renames the capsule.
#pragma once

#include <torch/csrc/python_headers.h>

#include <sycl/event.hpp>
#include <sycl/queue.hpp>

namespace xpu_event_ops {

// Both return new references, and raise Python's own errors.
[[nodiscard]] PyObject* capsule_of(const sycl::event& event);
[[nodiscard]] PyObject* capsule_of(const sycl::queue& queue);

// Each raises TypeError if it is not such a capsule, and ValueError if it was already consumed.
[[nodiscard]] sycl::event take_event(PyObject* capsule, const char* where);
[[nodiscard]] sycl::queue take_queue(PyObject* capsule, const char* where);

}  // namespace xpu_event_ops
