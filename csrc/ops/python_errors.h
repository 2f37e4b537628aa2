#pragma once

#include <torch/csrc/Exceptions.h>

#include <exception>

namespace xpu_event_ops {

/// Returns `body()`. If that throws, sets the Python error for it and returns null.
///
/// HANDLE_TH_ERRORS without its buffer for warnings, which costs as much as a query of an event.
/// None of the calls that use this warns.
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
