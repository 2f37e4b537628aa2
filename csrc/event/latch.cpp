#include "event/latch.h"

#include <CL/cl.h>

#include <atomic>
#include <string>

#include <sycl/sycl.hpp>

#include "event/error.h"
#include "event/opencl.h"
#include "event/xpu_event.h"

namespace xpu_event {
namespace {

class UserEventHold final : public Latch::Hold {
 public:
  explicit UserEventHold(sycl::queue& queue)
      : set_status_(find_opencl_function<decltype(clSetUserEventStatus)>("clSetUserEventStatus")),
        release_(find_opencl_function<decltype(clReleaseEvent)>("clReleaseEvent")) {
    const auto create = find_opencl_function<decltype(clCreateUserEvent)>("clCreateUserEvent");
    const sycl::context context = queue.get_context();
    cl_int status = CL_SUCCESS;
    event_ = create(sycl::get_native<sycl::backend::opencl>(context), &status);
    if (status != CL_SUCCESS) {
      throw Error("XPU event: clCreateUserEvent failed with OpenCL error " +
                  std::to_string(status) + ".");
    }
    try {
      wait_for(queue, sycl::make_event<sycl::backend::opencl>({event_}, context));
    } catch (...) {
      let_go();
      throw;
    }
  }

  ~UserEventHold() override { let_go(); }

  UserEventHold(const UserEventHold&) = delete;
  UserEventHold& operator=(const UserEventHold&) = delete;

 private:
  void let_go() noexcept {
    set_status_(event_, CL_COMPLETE);
    release_(event_);
  }

  decltype(clSetUserEventStatus)* set_status_;
  decltype(clReleaseEvent)* release_;
  cl_event event_ = nullptr;
};

class HostTaskHold final : public Latch::Hold {
 public:
  explicit HostTaskHold(sycl::queue& queue) {
    queue.submit([open = open_](sycl::handler& handler) {
      handler.host_task([open] { open->wait(false); });
    });
  }

  ~HostTaskHold() override {
    open_->store(true);
    open_->notify_all();
  }

  HostTaskHold(const HostTaskHold&) = delete;
  HostTaskHold& operator=(const HostTaskHold&) = delete;

 private:
  // Shared with the task, which may still be returning when this object is gone.
  std::shared_ptr<std::atomic<bool>> open_ = std::make_shared<std::atomic<bool>>(false);
};

std::unique_ptr<Latch::Hold> make_hold(sycl::queue& queue, Latch::Gate gate) {
  const bool has_user_events = queue.get_backend() == sycl::backend::opencl;
  if (gate == Latch::Gate::automatic && has_user_events) {
    return std::make_unique<UserEventHold>(queue);
  }
  return std::make_unique<HostTaskHold>(queue);
}

}  // namespace

Latch::Latch(sycl::queue& queue, Gate gate)
    : hold_(translate_errors("holding back a queue", [&] { return make_hold(queue, gate); })) {}

Latch::~Latch() = default;
Latch::Latch(Latch&& other) noexcept = default;
Latch& Latch::operator=(Latch&& other) noexcept = default;

void Latch::release() noexcept { hold_.reset(); }

}  // namespace xpu_event
