#include "event/error.h"

#include <array>
#include <string>

namespace xpu_event {
namespace {

// In the order of sycl::errc; its error category has no text for them.
constexpr std::array kErrorNames = {
    "success",        "runtime error",   "kernel error",  "accessor error",       "nd_range error",
    "event error",    "kernel argument", "build error",   "invalid request",      "out of memory",
    "platform error", "profiling error", "not supported", "kernel not supported", "wrong backend"};

std::string describe(const std::error_code& code) {
  const std::string number = std::to_string(code.value());
  if (code.category() != sycl::sycl_category()) {
    return std::string(code.category().name()) + " error " + number;
  }
  const auto index = static_cast<std::size_t>(code.value());
  const char* name = index < kErrorNames.size() ? kErrorNames[index] : "unknown error";
  return "SYCL error " + number + ", " + name;
}

}  // namespace

void throw_translated(const char* doing, const sycl::exception& cause) {
  throw Error(std::string("XPU event: ") + doing + " failed: " + cause.what() + " (" +
              describe(cause.code()) + ").");
}

}  // namespace xpu_event
