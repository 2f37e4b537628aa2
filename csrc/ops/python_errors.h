#pragma once

#include <torch/csrc/Exceptions.h>

#include <exception>

namespace xpu_event_ops {

/// Returns `body()`, or sets the Python error for what it throws and returns null.
///
/// HANDLE_TH_ERRORS without its buffer for warnings, which costs as much as a query of an event:
/// none of the calls it is used for warns.
template <class Body>
PyObject* translate_errors(Body&& body) noexcept {
  try {
    return body();
  } catch (const std::exception&) {
    torch::translate_exception_to_python(std::current_exception());
    return nullptr;
  }
}

}  // namespace xpu_event_ops
