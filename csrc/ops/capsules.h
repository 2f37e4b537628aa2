// Native events and queues in capsules, as dpctl passes them from extension to extension: the
// capsule owns a copy, and who takes it renames the capsule.
#pragma once

#include <torch/csrc/python_headers.h>

#include <sycl/event.hpp>
#include <sycl/queue.hpp>

namespace xpu_event_ops {

// New references. Raise what Python raises.
[[nodiscard]] PyObject* capsule_of(const sycl::event& event);
[[nodiscard]] PyObject* capsule_of(const sycl::queue& queue);

// Each raises TypeError for what is no such capsule, ValueError for one that was consumed before.
[[nodiscard]] sycl::event take_event(PyObject* capsule, const char* where);
[[nodiscard]] sycl::queue take_queue(PyObject* capsule, const char* where);

}  // namespace xpu_event_ops
