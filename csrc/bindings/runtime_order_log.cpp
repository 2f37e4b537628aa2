// The order log, as tuples.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/csrc/profiler/combined_traceback.h>

#include <memory>
#include <utility>
#include <vector>

#include "bindings/runtime_parts.h"
#include "runtime/c10_xpu/order_log.h"

namespace py = pybind11;

namespace torch {

// Of <torch/csrc/profiler/python/combined_traceback.h>, which needs a JSON library that torch does
// not ship.
TORCH_API std::vector<py::object> py_symbolize(std::vector<CapturedTraceback*>& stacks);

}  // namespace torch

namespace xpu_bindings {
namespace {

namespace order_log = xpu_runtime::order_log;
using torch::CapturedTraceback;

// A stack whose frames have not been looked up.
struct Stack {
  std::shared_ptr<c10::GatheredContext> frames;
};

std::shared_ptr<c10::GatheredContext> gather() {
  return CapturedTraceback::gather(/*python=*/true, /*script=*/false, /*cpp=*/false);
}

std::vector<py::object> symbolize(const std::vector<Stack>& stacks) {
  std::vector<CapturedTraceback*> frames;
  frames.reserve(stacks.size());
  for (const auto& stack : stacks)
    frames.push_back(dynamic_cast<CapturedTraceback*>(stack.frames.get()));
  return torch::py_symbolize(frames);
}

const char* to_string(order_log::Op op) {
  using order_log::Op;
  switch (op) {
    case Op::task:
      return "task";
    case Op::record:
      return "record";
    case Op::wait:
      return "wait";
    case Op::finish_event:
      return "finish_event";
    case Op::finish_stream:
      return "finish_stream";
    case Op::allocate:
      return "allocate";
    case Op::free:
      return "free";
    case Op::hold:
      return "hold";
    case Op::reclaim:
      return "reclaim";
    case Op::free_host:
      return "free_host";
  }
  return "?";
}

py::tuple to_tuple(const order_log::Access& access) {
  return py::make_tuple(access.address, access.item_bytes, py::tuple(py::cast(access.sizes)),
                        py::tuple(py::cast(access.strides)), access.is_write);
}

py::tuple to_tuple(const order_log::Entry& entry) {
  py::list accesses;
  for (const auto& access : entry.accesses) accesses.append(to_tuple(access));
  return py::make_tuple(to_string(entry.op), entry.name,
                        static_cast<int>(entry.stream.device_index()), entry.stream.id(),
                        entry.object, entry.address, entry.bytes, py::tuple(accesses),
                        entry.where ? py::cast(Stack{entry.where}) : py::none());
}

py::list drain() {
  std::vector<order_log::Entry> entries;
  {
    const py::gil_scoped_release no_gil;  // a thread that adds an entry may be taking the GIL
    entries = order_log::drain();
  }
  py::list result;
  for (const auto& entry : entries) result.append(to_tuple(entry));
  return result;
}

}  // namespace

void bind_order_log(py::module_& m) {
  py::class_<Stack>(m, "OrderLogStack", "Where something was issued.");
  m.def(
      "order_log_start", [](bool stacks) { order_log::start(stacks ? &gather : nullptr); },
      py::arg("stacks"), "Empty the order log and start it.");
  m.def("order_log_stop", &order_log::stop, "Stop the order log; what it has stays.");
  m.def("order_log_drain", &drain,
        "Take what was logged: tuples (op, name, device, stream, object, address, bytes, accesses, "
        "stack), an access being (address, item bytes, sizes, strides, is write).");
  m.def("order_log_symbolize", &symbolize,
        "Return the frames of stacks, innermost first, as dictionaries.");
}

}  // namespace xpu_bindings
