// benchmarks._bench: the loops of loops.h for queues and events that are given as addresses.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <sycl/sycl.hpp>

#include <cstdint>
#include <utility>

#include "bench/loops.h"

namespace py = pybind11;

namespace {

using Address = std::uintptr_t;
using py::arg;

template <class T>
T& at(Address address) {
  return *reinterpret_cast<T*>(address);
}

template <class>
using AddressOf = Address;

// A loop over `Operand`s, queues or events, which Python gives as addresses.
template <class... Operand, class Loop, class... Name>
void add(py::module_& m, const char* name, Loop* loop, Name... names) {
  static_assert(sizeof...(Operand) == sizeof...(Name));
  m.def(
      name,
      [loop](AddressOf<Operand>... operands, std::size_t count) {
        const py::gil_scoped_release no_gil;
        return loop(at<Operand>(operands)..., count);
      },
      arg(names)..., arg("count"));
}

}  // namespace

PYBIND11_MODULE(_bench, m) {
  m.doc() = "Event operations repeated in C++; each function returns nanoseconds per operation.";

  using Queue = sycl::queue;
  using Event = const sycl::event;
  namespace raw = xpu_bench::raw;
  namespace event = xpu_bench::event;

  add<Queue>(m, "raw_record", &raw::record, "queue");
  add<Queue>(m, "raw_record_timed", &raw::record_timed, "queue");
  add<Queue, Queue>(m, "raw_record_and_wait", &raw::record_and_wait, "recorded", "waiting");
  add<Queue, Event>(m, "raw_wait", &raw::wait, "queue", "event");
  add<Event>(m, "raw_query", &raw::query, "event");
  add<Event>(m, "raw_synchronize", &raw::synchronize, "event");
  m.def(
      "raw_copy",
      [](Address queue, Address to, Address from, std::size_t bytes, std::size_t count) {
        const py::gil_scoped_release no_gil;
        return raw::copy(at<sycl::queue>(queue), &at<char>(to), &at<const char>(from), bytes,
                         count);
      },
      arg("queue"), arg("to"), arg("source"), arg("bytes"), arg("count"));

  add<Queue>(m, "event_record", &event::record, "queue");
  add<Queue>(m, "event_record_timed", &event::record_timed, "queue");
  add<Queue, Queue>(m, "event_wait", &event::wait, "recorded", "waiting");
  add<Queue>(m, "event_query", &event::query, "recorded");
  add<Queue>(m, "event_synchronize", &event::synchronize, "recorded");
  add<Queue, Queue>(m, "event_record_and_wait", &event::record_and_wait, "recorded", "waiting");

  m.def("observers", &xpu_bench::observers, arg("count"));

  m.def(
      "cores",
      [](std::size_t count) {
        const py::gil_scoped_release no_gil;
        const auto cores = xpu_bench::cores(count);
        return std::pair(cores.one_ns, cores.two_ns);
      },
      arg("count"));
}
