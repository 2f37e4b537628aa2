// Switching deliberate faults on, in development builds.
#include <pybind11/pybind11.h>

#include "bindings/runtime_parts.h"
#include "runtime/c10_xpu/faults.h"

namespace py = pybind11;

namespace xpu_bindings {

void bind_faults([[maybe_unused]] py::module_& m) {
#ifdef XPU_RUNTIME_FAULTS
  namespace faults = xpu_runtime::faults;
  py::enum_<faults::Fault>(m, "Fault")
      .value("none", faults::Fault::none)
      .value("wait_elided", faults::Fault::wait_elided)
      .value("record_stale", faults::Fault::record_stale)
      .value("use_forgotten", faults::Fault::use_forgotten)
      .value("hold_ends_early", faults::Fault::hold_ends_early)
      .value("event_always_done", faults::Fault::event_always_done);
  m.def(
      "set_fault", [](faults::Fault fault) { faults::active.store(fault); },
      "Switch a deliberate fault on, or all off.");
#endif
}

}  // namespace xpu_bindings
