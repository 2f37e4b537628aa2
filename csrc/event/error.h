#pragma once

#include <stdexcept>
#include <utility>

#include <sycl/exception.hpp>

namespace xpu_event {

/// Every failure of this library is one of these.
///
/// Visible, because it is caught in other shared libraries than the one that throws it.
class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws the `Error` for `cause`, saying that it came while `doing`.
[[noreturn]] void throw_translated(const char* doing, const sycl::exception& cause);

/// Calls `action` and returns its result; a `sycl::exception` leaves as an `Error`.
///
/// The one place where SYCL's exceptions are translated.
template <typename Action>
decltype(auto) translate_errors(const char* doing, Action&& action) {
  try {
    return std::forward<Action>(action)();
  } catch (const sycl::exception& cause) {
    throw_translated(doing, cause);
  }
}

}  // namespace xpu_event
