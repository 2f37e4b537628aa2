#include "event/user_event.h"

#include <string>

#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/opencl.h"

namespace xpu_event {

UserEvent::UserEvent(const sycl::context& context)
    : set_status_(find_opencl_function<decltype(clSetUserEventStatus)>("clSetUserEventStatus")),
      release_(find_opencl_function<decltype(clReleaseEvent)>("clReleaseEvent")) {
  cl_int status = CL_SUCCESS;
  const auto create = find_opencl_function<decltype(clCreateUserEvent)>("clCreateUserEvent");
  cl_context native = sycl::get_native<sycl::backend::opencl>(context);
  event_ = create(native, &status);
  const auto release = find_opencl_function<decltype(clReleaseContext)>("clReleaseContext");
  release(native);  // counted up by get_native
  if (status != CL_SUCCESS) {
    throw Error("XPU event: clCreateUserEvent failed with OpenCL error " + std::to_string(status) +
                ".");
  }
}

UserEvent::~UserEvent() {
  set_status_(event_, CL_COMPLETE);
  release_(event_);
}

sycl::event UserEvent::as_sycl(const sycl::context& context) const {
  return sycl::make_event<sycl::backend::opencl>({event_}, context);
}

}  // namespace xpu_event
