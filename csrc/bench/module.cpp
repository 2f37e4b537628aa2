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

sycl::queue& queue_at(Address address) { return *reinterpret_cast<sycl::queue*>(address); }
const sycl::event& event_at(Address address) { return *reinterpret_cast<sycl::event*>(address); }

// Loops of the forms f(queue, count), f(queue, queue, count) and f(event, count).
void add(py::module_& m, const char* name, double (*loop)(sycl::queue&, std::size_t)) {
  m.def(
      name,
      [loop](Address queue, std::size_t count) {
        const py::gil_scoped_release no_gil;
        return loop(queue_at(queue), count);
      },
      arg("queue"), arg("count"));
}

void add(py::module_& m, const char* name,
         double (*loop)(sycl::queue&, sycl::queue&, std::size_t)) {
  m.def(
      name,
      [loop](Address recorded, Address waiting, std::size_t count) {
        const py::gil_scoped_release no_gil;
        return loop(queue_at(recorded), queue_at(waiting), count);
      },
      arg("recorded"), arg("waiting"), arg("count"));
}

void add(py::module_& m, const char* name, double (*loop)(const sycl::event&, std::size_t)) {
  m.def(
      name,
      [loop](Address event, std::size_t count) {
        const py::gil_scoped_release no_gil;
        return loop(event_at(event), count);
      },
      arg("event"), arg("count"));
}

}  // namespace

PYBIND11_MODULE(_bench, m) {
  m.doc() = "Event operations repeated in C++; each function returns nanoseconds per operation.";

  add(m, "raw_record", &xpu_bench::raw::record);
  add(m, "raw_record_timed", &xpu_bench::raw::record_timed);
  add(m, "raw_record_and_wait", &xpu_bench::raw::record_and_wait);
  m.def(
      "raw_wait",
      [](Address queue, Address event, std::size_t count) {
        const py::gil_scoped_release no_gil;
        return xpu_bench::raw::wait(queue_at(queue), event_at(event), count);
      },
      arg("queue"), arg("event"), arg("count"));
  add(m, "raw_query", &xpu_bench::raw::query);
  add(m, "raw_synchronize", &xpu_bench::raw::synchronize);

  add(m, "event_record",
      static_cast<double (*)(sycl::queue&, std::size_t)>(&xpu_bench::event::record));
  add(m, "event_record_timed", &xpu_bench::event::record_timed);
  add(m, "event_wait", &xpu_bench::event::wait);
  add(m, "event_query", &xpu_bench::event::query);
  add(m, "event_synchronize", &xpu_bench::event::synchronize);
  add(m, "event_record_and_wait", &xpu_bench::event::record_and_wait);

  m.def(
      "cores",
      [](std::size_t count) {
        const py::gil_scoped_release no_gil;
        const auto cores = xpu_bench::cores(count);
        return std::pair(cores.one_ns, cores.two_ns);
      },
      arg("count"));
}
