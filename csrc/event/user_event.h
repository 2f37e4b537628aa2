#pragma once

#include <CL/cl.h>

#include <sycl/context.hpp>
#include <sycl/event.hpp>

namespace xpu_event {

/// An OpenCL event that the host completes. Destroying it completes it too, because nothing may
/// wait for it for ever.
class UserEvent {
 public:
  /// Raises:
  ///   Error: OpenCL makes none for this context.
  explicit UserEvent(const sycl::context& context);
  UserEvent(const UserEvent&) = delete;
  UserEvent& operator=(const UserEvent&) = delete;
  UserEvent(UserEvent&&) = delete;
  UserEvent& operator=(UserEvent&&) = delete;
  ~UserEvent();

  [[nodiscard]] sycl::event as_sycl(const sycl::context& context) const;

 private:
  decltype(clSetUserEventStatus)* set_status_;
  decltype(clReleaseEvent)* release_;
  cl_event event_ = nullptr;
};

}  // namespace xpu_event
