#pragma once

#include <pybind11/pybind11.h>

/// The parts of xpu_dynamo_event._runtime. The names with `_xpu_` and `_Xpu` are those that
/// torch.xpu looks for in torch._C.
namespace xpu_bindings {

void bind_calls(pybind11::module_& m);
void bind_device(pybind11::module_& m);
void bind_properties(pybind11::module_& m);
void bind_stream(pybind11::module_& m);
void bind_memory(pybind11::module_& m);
void bind_empty(pybind11::module_& m);
void bind_trace(pybind11::module_& m);
void bind_order_log(pybind11::module_& m);
void bind_faults(pybind11::module_& m);

}  // namespace xpu_bindings
