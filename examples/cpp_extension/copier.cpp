// SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
// SPDX-License-Identifier: BSD-3-Clause

// A copy engine: copies memory of tensors on a SYCL queue of its own, ordered by XPU events.
//
// Compiled by build.py with a plain C++ compiler; uses no header and no library of torch but the
// pybind11 that torch brings along.
#include <pybind11/pybind11.h>
#include <xpu_dynamo_event/event.h>

#include <cstddef>
#include <cstdint>

#include <sycl/properties/queue_properties.hpp>

namespace py = pybind11;

namespace {

struct Copy {
  std::uintptr_t to;
  std::uintptr_t from;
  std::size_t bytes;

  sycl::event submit(sycl::queue& queue) const {
    return queue.memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
  }
};

// Next to the queues of torch: of their context, so that it can use the memory of tensors.
sycl::queue make_queue() {
  const sycl::queue& torch_queue = xpu_dynamo_event::current_queue();
  return {torch_queue.get_context(), torch_queue.get_device(), sycl::property::queue::in_order()};
}

class Copier {
 public:
  // Copies when `ready` is complete, and records `done` behind it. Returns at once.
  void copy(const Copy& copy, const py::object& ready, const py::object& done) {
    xpu_dynamo_event::wait(ready.ptr(), queue_);
    copy.submit(queue_);
    xpu_dynamo_event::record(done.ptr(), queue_);
  }

  // Copies, and returns an event that is the copy.
  py::object start(const Copy& copy) {
    return py::reinterpret_steal<py::object>(xpu_dynamo_event::import_event(copy.submit(queue_)));
  }

  // The queue as a torch.xpu.Stream.
  py::object stream() const {
    return py::reinterpret_steal<py::object>(xpu_dynamo_event::external_stream(queue_));
  }

 private:
  sycl::queue queue_ = make_queue();
};

// Copies on the stream that is current in Python, and records `done` there.
void copy_on_current_stream(const Copy& copy, const py::object& done) {
  sycl::queue& queue = xpu_dynamo_event::current_queue();
  copy.submit(queue);
  xpu_dynamo_event::record(done.ptr(), queue);
}

// How an extension mixes events into dependencies of its own.
bool is_complete(const py::object& event) {
  using sycl::info::event_command_status;
  return xpu_dynamo_event::native_event(event.ptr())
             .get_info<sycl::info::event::command_execution_status>() ==
         event_command_status::complete;
}

}  // namespace

PYBIND11_MODULE(copier, m) {
  py::class_<Copy>(m, "Copy").def(py::init([](std::uintptr_t to, std::uintptr_t from,
                                              std::size_t bytes) { return Copy{to, from, bytes}; }),
                                  py::arg("to"), py::arg("from_"), py::arg("bytes"));
  py::class_<Copier>(m, "Copier")
      .def(py::init())
      .def("copy", &Copier::copy, py::arg("copy"), py::arg("ready"), py::arg("done"))
      .def("start", &Copier::start, py::arg("copy"))
      .def_property_readonly("stream", &Copier::stream);
  m.def("copy_on_current_stream", &copy_on_current_stream, py::arg("copy"), py::arg("done"));
  m.def("is_complete", &is_complete, py::arg("event"));
}
