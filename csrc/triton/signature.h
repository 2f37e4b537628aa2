#pragma once

#include <Python.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "triton/launch.h"

namespace xpu_triton {

/// A parameter of a kernel, as Triton's signature has it.
struct Parameter {
  enum class Kind : std::uint8_t { constant, pointer, integer, unsigned_integer, real, tuple };

  std::string name;
  Kind kind;
  std::uint8_t size = 0;  ///< in bytes, of a number
  bool is_bfloat = false;
  bool is_written = true;           ///< by the kernel, what a pointer points to
  std::vector<Parameter> fields{};  ///< of a tuple
};

/// Reads the type of a parameter: a text such as "*fp32", "i64" or "constexpr", or a tuple of
/// types.
///
/// Throws:
///   torch's NotImplementedError for a type that no launch can pass.
[[nodiscard]] Parameter parse_parameter(std::string name, PyObject* type);

/// Adds the arguments that Python passed for `parameter` to a launch on `device`.
///
/// Throws:
///   A Python error that names the parameter, or python_error for one that Python has set.
void add_argument(const Parameter& parameter, PyObject* value, c10::DeviceIndex device,
                  const std::string& kernel, Launch& launch);

}  // namespace xpu_triton
