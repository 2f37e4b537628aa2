// The runtime log, as plain tuples' worth of dictionaries.
#include <pybind11/pybind11.h>

#include <array>

#include "bindings/runtime_parts.h"
#include "runtime/c10_xpu/trace.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

namespace trace = xpu_runtime::trace;

constexpr std::array kEventOps{"record", "wait", "synchronize"};  // by trace::EventOp

py::dict to_dict(const trace::TaskRecord& task) {
  py::dict result;
  result["name"] = task.name;
  result["device"] = static_cast<int>(task.device);
  result["stream"] = task.stream;
  result["submit_ns"] = task.submit_ns;
  result["start_ns"] = task.start_ns;
  result["end_ns"] = task.end_ns;
  return result;
}

py::dict to_dict(const trace::EventRecord& event) {
  py::dict result;
  result["op"] = kEventOps.at(static_cast<std::size_t>(event.op));
  result["event"] = event.event;
  result["device"] = static_cast<int>(event.device);
  result["stream"] = event.stream;
  result["submit_ns"] = event.submit_ns;
  result["end_ns"] = event.end_ns;
  return result;
}

template <class Records>
py::list to_list(const Records& records) {
  py::list result;
  for (const auto& record : records) result.append(to_dict(record));
  return result;
}

py::dict stop(trace::Reader reader) {
  const auto log = trace::stop(reader);
  py::dict result;
  result["tasks"] = to_list(log.tasks);
  result["events"] = to_list(log.events);
  return result;
}

}  // namespace

void bind_trace(py::module_& m) {
  m.def("trace_start", &trace::start,
        "Begin to read the runtime log; return a number for trace_stop.");
  m.def("trace_stop", &stop, py::arg("reader"),
        "End reading and return {'tasks': [...], 'events': [...]}; times in nanoseconds.");
  m.def("trace_now_ns", &trace::now_ns, "Return the time of the log's clock in nanoseconds.");
}

}  // namespace xpu_bindings
