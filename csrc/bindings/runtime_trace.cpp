// The runtime log, as plain tuples' worth of dictionaries.
#include <pybind11/pybind11.h>

#include <array>

#include "bindings/runtime_parts.h"
#include "runtime/c10_xpu/trace.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

namespace trace = xpu_runtime::trace;

constexpr std::array kEventOps{"", "record", "wait", "synchronize"};  // by trace::Op

py::dict to_dict(const trace::Record& record) {
  py::dict result;
  result["device"] = static_cast<int>(record.stream.device_index());
  result["stream"] = record.stream.id();
  result["submit_ns"] = record.submit_ns;
  result["end_ns"] = record.end_ns;
  if (record.op == trace::Op::task) {
    result["name"] = record.name;
    result["start_ns"] = record.start_ns;
  } else {
    result["op"] = kEventOps.at(static_cast<std::size_t>(record.op));
    result["event"] = reinterpret_cast<std::uintptr_t>(record.event);
  }
  return result;
}

// Without waits for streams and devices, which have no event.
py::dict stop(trace::Reader reader) {
  py::list tasks;
  py::list events;
  for (const auto& record : trace::stop(reader)) {
    if (record.op == trace::Op::task) tasks.append(to_dict(record));
    if (record.event) events.append(to_dict(record));
  }
  py::dict result;
  result["tasks"] = tasks;
  result["events"] = events;
  return result;
}

}  // namespace

void bind_trace(py::module_& m) {
  m.def("trace_start", &trace::start,
        "Begin to read the runtime log; return a number for trace_stop.");
  m.def("trace_stop", &stop, py::arg("reader"),
        "End reading and return {'tasks': [...], 'events': [...]}; times in nanoseconds.");
  m.def("profiler_pause", &trace::pause, py::arg("paused"),
        "Leave out of the profile what is submitted from now on, or no longer.");
  m.def("trace_now_ns", &trace::now_ns, "Return the time of the log's clock in nanoseconds.");
}

}  // namespace xpu_bindings
