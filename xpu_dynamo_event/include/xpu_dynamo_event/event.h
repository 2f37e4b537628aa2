// SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
// SPDX-License-Identifier: BSD-3-Clause

// XPU events of Python in C++: record them on a queue, let a queue wait for them.
//
// For extensions that submit SYCL work of their own. Header-only, without torch: nothing of
// xpu_dynamo_event is linked, its functions are found at run time through a capsule. Needs the
// include directory xpu_dynamo_event.get_include(), the SYCL headers and Python's; C++17.
//
// All functions need the interpreter lock; those that talk to the device give it up meanwhile. An
// error leaves as pybind11::error_already_set when pybind11 was included before this header, else
// as PythonError: a Python exception is set, return null to Python.
//
// Example, in an extension that was handed an event and copies on the current stream:
//
//   sycl::queue& queue = xpu_dynamo_event::current_queue();
//   queue.memcpy(to, from, bytes);
//   xpu_dynamo_event::record(event, queue);
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>
#include <exception>

#include <sycl/event.hpp>
#include <sycl/queue.hpp>
#include <sycl/version.hpp>

namespace xpu_dynamo_event {

/// Changes when an extension that was compiled before cannot be used any more.
inline constexpr std::uint32_t kApiVersion = 1;

/// The functions behind the capsule `xpu_dynamo_event._native._C_API`. Use those below instead.
///
/// They return 0, or null, with a Python exception set when they fail. Later releases append.
struct Api {
  std::uint32_t version;
  std::uint32_t size;
  std::uint32_t sycl_major;
  int (*record)(PyObject* event, const sycl::queue* queue);
  int (*wait)(PyObject* event, const sycl::queue* queue);
  int (*share)(PyObject* event, sycl::event* native);
  PyObject* (*import_event)(const sycl::event* native, int device);
  sycl::queue* (*queue_of)(PyObject* stream);
  PyObject* (*external_stream)(const sycl::queue* queue, int device);
};

/// Stands for the Python exception that is set.
class PythonError : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "a Python exception is set"; }
};

// What follows throws one thing or another: two kinds of functions in an extension that has both
// kinds of source files.
#ifdef PYBIND11_VERSION_MAJOR
inline namespace with_pybind11 {
#else
inline namespace plain {
#endif

namespace detail {

[[noreturn]] inline void throw_python_error() {
#ifdef PYBIND11_VERSION_MAJOR
  throw pybind11::error_already_set();
#else
  throw PythonError();
#endif
}

template <class Result>
Result checked(Result result) {
  if (!result) throw_python_error();
  return result;
}

inline const Api* load() {
  const auto* found = static_cast<const Api*>(
      checked(PyCapsule_Import("xpu_dynamo_event._native._C_API", /*no_block=*/0)));
  if (found->version != kApiVersion || found->size < sizeof(Api) ||
      found->sycl_major != __LIBSYCL_MAJOR_VERSION) {
    PyErr_Format(PyExc_ImportError,
                 "This extension was compiled against version %u of the C++ interface of "
                 "xpu_dynamo_event and libsycl %u; installed are version %u and libsycl %u. "
                 "Compile it again.",
                 kApiVersion, static_cast<unsigned>(__LIBSYCL_MAJOR_VERSION), found->version,
                 found->sycl_major);
    throw_python_error();
  }
  return found;
}

inline const Api& api() {
  // No lock, as a magic static has: loading runs Python, which lets other threads in here.
  static std::atomic<const Api*> loaded{nullptr};
  const Api* found = loaded.load(std::memory_order_acquire);
  if (found == nullptr) loaded.store(found = load(), std::memory_order_release);
  return *found;
}

}  // namespace detail

/// Records `event`, a torch.xpu.Event, after everything that `queue` has been given so far.
///
/// Args:
///   event: borrowed; any torch.Event of an XPU device.
///   queue: one of torch's, or an in-order queue of the same context and device.
inline void record(PyObject* event, const sycl::queue& queue) {
  detail::checked(detail::api().record(event, &queue) != 0);
}

/// Makes later work of `queue` run after `event`. Does not block the host.
inline void wait(PyObject* event, const sycl::queue& queue) {
  detail::checked(detail::api().wait(event, &queue) != 0);
}

/// The native event that `event` was last recorded as, to pass to depends_on; a complete one if it
/// was never recorded.
[[nodiscard]] inline sycl::event native_event(PyObject* event) {
  sycl::event native;
  detail::checked(detail::api().share(event, &native) != 0);
  return native;
}

/// A new torch.xpu.Event that is recorded already: as `native`, which may be of any queue.
///
/// Args:
///   native: kept alive by the result.
///   device: index of the device that the event counts as of; -1 is the current one.
///
/// Returns:
///   A new reference.
[[nodiscard]] inline PyObject* import_event(const sycl::event& native, int device = -1) {
  return detail::checked(detail::api().import_event(&native, device));
}

/// The queue of `stream`, a torch.xpu.Stream. It lives until the process ends.
[[nodiscard]] inline sycl::queue& queue_of(PyObject* stream) {
  return *detail::checked(detail::api().queue_of(stream));
}

/// The queue of the stream that is current on the calling thread.
[[nodiscard]] inline sycl::queue& current_queue() { return queue_of(Py_None); }

/// A torch.xpu.Stream that stands for `queue`, the same one at every call.
///
/// Args:
///   queue: in order, of the context and device of torch's queues.
///   device: its index; -1 to find it from the queue.
///
/// Returns:
///   A new reference.
[[nodiscard]] inline PyObject* external_stream(const sycl::queue& queue, int device = -1) {
  return detail::checked(detail::api().external_stream(&queue, device));
}

}  // inline namespace
}  // namespace xpu_dynamo_event
