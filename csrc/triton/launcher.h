#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <vector>

#include "triton/kernel.h"
#include "triton/signature.h"

namespace xpu_triton {

/// The name of the capsules that Python keeps kernels in.
constexpr const char* kKernelCapsule = "xpu_triton.Kernel";

/// Calls a kernel with Triton's calling convention of launchers; the same one for all kernels, so
/// nothing is compiled at run time.
struct Launcher {
  std::string name;
  std::vector<Parameter> parameters;
  std::size_t width;
  std::size_t shared_bytes;
};

/// Makes the Python function that calls `launcher`:
///
///   (grid_x, grid_y, grid_z, stream, function, packed_metadata, launch_metadata, enter_hook,
///    exit_hook, *arguments)
///
/// A grid with a zero launches nothing, as in CUDA.
///
/// Returns:
///   A new reference.
[[nodiscard]] PyObject* make_function(Launcher launcher);

}  // namespace xpu_triton
