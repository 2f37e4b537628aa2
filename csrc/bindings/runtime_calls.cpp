// How operators ran.
#include <pybind11/pybind11.h>

#include "bindings/runtime_parts.h"
#include "runtime/calls/boxed_kernel.h"
#include "runtime/calls/fallback.h"
#include "runtime/calls/trial.h"

namespace py = pybind11;
using namespace py::literals;

namespace {

py::dict call_counts() {
  const auto plans = xpu_runtime::plan_counts();
  const auto trials = xpu_runtime::trial_counts();
  return py::dict("plans"_a = plans.plans, "plan_limit"_a = plans.limit, "trials"_a = trials.trials,
                  "tried_elements"_a = trials.elements);
}

}  // namespace

void xpu_bindings::bind_calls(py::module_& m) {
  m.def("fallback_count", &xpu_runtime::fallback_count,
        "Return how many operators ran synchronously, as CPU kernels, so far.");
  m.def("call_counts", &call_counts,
        "Return how many plans of calls are kept, and what was tried to make them.");
}
