#include "runtime/backend/guard.h"

#include <c10/core/DeviceCapability.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>
#include <c10/xpu/XPUStream.h>

#include "runtime/backend/recorded_event.h"
#include "runtime/c10_xpu/device_pool.h"
#include "runtime/c10_xpu/gpu_trace.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::Device;
using c10::DeviceIndex;
using c10::EventFlag;
using c10::Stream;
using c10::xpu::XPUStream;

RecordedEvent& as_event(void* payload) { return *static_cast<RecordedEvent*>(payload); }

class Guard final : public c10::impl::DeviceGuardImplInterface {
 public:
  static constexpr c10::DeviceType static_type = c10::kXPU;

  c10::DeviceType type() const override { return c10::kXPU; }

  // ---- device
  Device exchangeDevice(Device device) const override {
    check_xpu(device);
    return {c10::kXPU, c10::xpu::exchange_device(device.index())};
  }
  Device getDevice() const override { return {c10::kXPU, c10::xpu::current_device()}; }
  void setDevice(Device device) const override {
    check_xpu(device);
    c10::xpu::set_device(device.index());
  }
  void uncheckedSetDevice(Device device) const noexcept override {
    // Restores what exchangeDevice returned, which is valid.
    c10::xpu::set_device(device.index());
  }
  DeviceIndex deviceCount() const noexcept override { return c10::xpu::device_count(); }
  c10::DeviceCapability getDeviceCapability(Device /*device*/) const override {
    c10::DeviceCapability all;  // kernels are the CPU's, which have every dtype
    all.capability_data.capability_bits = ~std::uint64_t{0};
    return all;
  }
  void synchronizeDevice(const DeviceIndex device) const override {
    gpu_trace(&GpuTrace::trace_gpu_device_synchronization);
    synchronize(device);
  }

  // ---- stream
  Stream getStream(Device device) const override {
    return c10::xpu::getCurrentXPUStream(device.index());
  }
  Stream getDefaultStream(Device device) const override {
    return Stream(Stream::DEFAULT, Device(c10::kXPU, resolve(device.index())));
  }
  Stream getNewStream(Device device, int priority) const override {
    return c10::xpu::getStreamFromPool(priority, device.index());
  }
  Stream getStreamFromGlobalPool(Device device, bool is_high_priority) const override {
    return c10::xpu::getStreamFromPool(is_high_priority, device.index());
  }
  Stream exchangeStream(Stream stream) const override {
    const auto previous = c10::xpu::getCurrentXPUStream(stream.device_index());
    c10::xpu::setCurrentXPUStream(XPUStream(stream));
    return previous;
  }
  void* getStreamNativeHandle(const Stream stream) const override {
    return &XPUStream(stream).queue();
  }
  bool queryStream(const Stream& stream) const override { return is_idle(XPUStream(stream)); }
  void synchronizeStream(const Stream& stream) const override {
    const XPUStream xpu_stream(stream);
    gpu_trace(&GpuTrace::trace_gpu_stream_synchronization, xpu_stream);
    synchronize(xpu_stream);
  }
  bool isStreamCapturing(const Stream& stream) const override {
    return XPUStream(stream).is_capturing();
  }
  void recordDataPtrOnStream(const c10::DataPtr& pointer, const Stream& stream) const override {
    c10::xpu::XPUCachingAllocator::recordStream(pointer, XPUStream(stream));
  }

  // ---- event
  void record(void** event, const Stream& stream, const DeviceIndex device_index,
              const EventFlag flag) const override {
    TORCH_CHECK(
        device_index == -1 || device_index == stream.device_index(),
        "Event device xpu:", static_cast<int>(device_index),
        " does not match recording stream's device xpu:", static_cast<int>(stream.device_index()),
        ". An event belongs to the device it was first recorded on.");
    const XPUStream xpu_stream(stream);
    std::unique_ptr<RecordedEvent> made;
    if (!*event) made = std::make_unique<RecordedEvent>(flag == EventFlag::BACKEND_DEFAULT);
    (made ? *made : as_event(*event)).record(xpu_stream);
    if (made) {
      *event = made.release();
      gpu_trace(&GpuTrace::trace_gpu_event_creation, *event);
    }
    gpu_trace(&GpuTrace::trace_gpu_event_record, *event, xpu_stream);
  }
  void block(void* event, const Stream& stream) const override {
    if (!event) return;
    const XPUStream xpu_stream(stream);
    as_event(event).wait(xpu_stream);
    gpu_trace(&GpuTrace::trace_gpu_event_wait, event, xpu_stream);
  }
  bool queryEvent(void* event) const override { return !event || as_event(event).query(); }
  void synchronizeEvent(void* event) const override {
    if (!event) return;
    gpu_trace(&GpuTrace::trace_gpu_event_synchronization, event);
    as_event(event).synchronize();
  }
  double elapsedTime(void* start, void* end, const DeviceIndex /*device_index*/) const override {
    TORCH_CHECK(
        start && end,
        "Both events must be recorded before calculating elapsed time. Call record() on both "
        "events first.");
    return xpu_event::XPUEvent::elapsed_ms(as_event(start).event(), as_event(end).event());
  }
  void destroyEvent(void* event, const DeviceIndex /*device_index*/) const noexcept override {
    if (!event) return;
    try {
      gpu_trace(&GpuTrace::trace_gpu_event_deletion, event);
    } catch (...) {
      // A tracer's failure must not end the process.
    }
    delete static_cast<RecordedEvent*>(event);
  }

 private:
  static void check_xpu(Device device) {
    TORCH_CHECK(device.is_xpu(), "Expected an XPU device, but got ", device, ".");
  }
};

}  // namespace

const xpu_event::NativeEvents& native_events() {
  static constexpr xpu_event::NativeEvents events{
      .share = [](void* recording) { return as_event(recording).event().share(); },
      .adopt = [](void* recording, const sycl::event& event,
                  int device_index) { as_event(recording).adopt(event, device_index); }};
  return events;
}

void register_guard() { c10::impl::registerDeviceGuard(c10::kXPU, new Guard()); }

}  // namespace xpu_runtime
