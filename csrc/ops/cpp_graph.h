// Graphs that Inductor compiled to C++ (`cpp_wrapper`), called from Python.
#pragma once

#include <torch/csrc/python_headers.h>

namespace xpu_event_ops {

// A table for PyModule_AddFunctions: `cpp_graph` makes a function of a graph.
[[nodiscard]] PyMethodDef* cpp_graph_functions();

}  // namespace xpu_event_ops
