#pragma once

#include <pybind11/pybind11.h>

/// The parts of xpu_dynamo_event._native.
namespace xpu_bindings {

void bind_interop(pybind11::module_& m);

}  // namespace xpu_bindings
