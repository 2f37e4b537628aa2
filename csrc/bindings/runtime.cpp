// xpu_dynamo_event._runtime: the C half of torch.xpu, for a torch built without it.
#include <pybind11/pybind11.h>

#include "bindings/runtime_parts.h"
#include "ops/no_gil.h"
#include "runtime/backend/autograd_engine.h"
#include "runtime/backend/guard.h"
#include "runtime/c10_xpu/host_wait.h"
#include "runtime/registration.h"
#include "types/torch_event.h"

namespace py = pybind11;

namespace {

void* release_gil() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }

void restore_gil(void* state) { xpu_event_ops::take_gil_back(static_cast<PyThreadState*>(state)); }

void bind_torch_event(py::module_& m) {
  auto* type = xpu_types::torch_event_type();
  if (!type) throw py::error_already_set();
  m.attr("TorchEventBase") = py::handle(reinterpret_cast<PyObject*>(type));
}

}  // namespace

PYBIND11_MODULE(_runtime, m) {
  m.doc() = "The xpu device for a torch that has none; see xpu_dynamo_event.runtime.";
  xpu_runtime::set_gil_calls({&release_gil, &restore_gil});

  m.def(
      "register_backend",
      [](bool upstream_guard, bool hide_cuda) {
        xpu_runtime::register_backend({upstream_guard, hide_cuda});
      },
      py::kw_only(), py::arg("upstream_guard") = false, py::arg("hide_cuda") = false,
      "Register guard, allocators and hooks with torch; raises if torch has an xpu backend.");
  m.def(
      "native_events_address",
      [](bool upstream_guard) {
        return reinterpret_cast<std::uintptr_t>(upstream_guard
                                                    ? &xpu_runtime::upstream_native_events()
                                                    : &xpu_runtime::native_events());
      },
      py::kw_only(), py::arg("upstream_guard") = false,
      "Return the address of what tells how the runtime's guard keeps native events.");
  m.def("finish_autograd_threads", &xpu_runtime::finish_autograd_threads,
        py::call_guard<py::gil_scoped_release>(),
        "Wait until autograd's device threads have let go of the last backward.");

  xpu_bindings::bind_calls(m);
  xpu_bindings::bind_device(m);
  xpu_bindings::bind_properties(m);
  xpu_bindings::bind_stream(m);
  bind_torch_event(m);
  xpu_bindings::bind_memory(m);
  xpu_bindings::bind_empty(m);
  xpu_bindings::bind_trace(m);
  xpu_bindings::bind_order_log(m);
  xpu_bindings::bind_faults(m);
}
