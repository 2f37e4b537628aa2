#include "ops/external_stream.h"

#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <torch/csrc/utils/pybind.h>
#include <torch/csrc/utils/python_numbers.h>

#include <thread>
#include <unordered_map>

#include "event/queue_address.h"
#include "ops/capsules.h"
#include "ops/event_state.h"
#include "ops/no_gil.h"
#include "ops/python_args.h"

namespace xpu_event_ops {
namespace {

using c10::DeviceIndex;

const c10::impl::DeviceGuardImplInterface& guard() {
  return *c10::impl::getDeviceGuardImpl(c10::kXPU);
}

// The current device if the queue is on its hardware, otherwise the first device that it fits. If
// it fits none, the current one, whose check then raises.
DeviceIndex device_of(const sycl::queue& queue) {
  const DeviceIndex current = guard().getDevice().index();
  const auto fits = [&](DeviceIndex device) {
    return queue_of(current_stream_on(device)).get_device() == queue.get_device();
  };
  if (fits(current)) return current;
  for (DeviceIndex device = 0; device < guard().deviceCount(); ++device) {
    if (fits(device)) return device;
  }
  return current;
}

// Queues at addresses that stay, each with its stream once that is known. One map per device,
// because several indices may be the same hardware.
using Kept = std::unordered_map<sycl::queue, std::optional<c10::Stream>>;

Kept& kept_on(DeviceIndex device) {
  // Leaked: queues must not be destroyed after the SYCL runtime. The GIL guards it.
  static auto* kept = new std::unordered_map<DeviceIndex, Kept>;
  return (*kept)[device];
}

// Through Python, because every torch with XPU has it there, torch's own or ours.
c10::Stream wrap(const sycl::queue& lasting, DeviceIndex device) {
  const auto stream = py::module_::import("torch.xpu")
                          .attr("get_stream_from_external")(
                              reinterpret_cast<std::uintptr_t>(&lasting), static_cast<int>(device));
  return stream_of(stream.ptr(), "external_stream()");
}

}  // namespace

std::optional<DeviceIndex> index_from(int device) {
  if (device == -1) return std::nullopt;
  TORCH_CHECK_VALUE(device >= 0 && device < guard().deviceCount(),
                    "There is no device xpu:", device, ": this process has ",
                    static_cast<int>(guard().deviceCount()), ".");
  return static_cast<DeviceIndex>(device);
}

DeviceIndex index_or_current(int device) {
  return index_from(device).value_or(guard().getDevice().index());
}

c10::Stream current_stream_on(DeviceIndex device) { return guard().getStream({c10::kXPU, device}); }

c10::Stream default_stream_on(DeviceIndex device) {
  static auto* known = new std::unordered_map<DeviceIndex, c10::Stream>;  // the GIL guards it
  const auto found = known->find(device);
  if (found != known->end()) return found->second;
  auto stream = current_stream_on(device);  // here, to raise here: no device, or a bad fork
  {
    const NoGil no_gil;  // torch makes its queues at the first use, and tells tracers in Python
    std::thread([&] { stream = current_stream_on(device); }).join();
  }
  return known->emplace(device, stream).first->second;
}

PyObject* python_stream(const c10::Stream& stream) {
  using namespace py::literals;
  return py::module_::import("torch.xpu")
      .attr("Stream")("stream_id"_a = stream.id(),
                      "device_index"_a = static_cast<int>(stream.device_index()),
                      "device_type"_a = static_cast<int>(stream.device_type()))
      .release()
      .ptr();
}

sycl::queue& queue_of(const c10::Stream& stream) {
  return *static_cast<sycl::queue*>(guard().getStreamNativeHandle(stream));
}

c10::Stream external_stream(const sycl::queue& queue, std::optional<DeviceIndex> device) {
  const DeviceIndex index = device ? *device : device_of(queue);
  for (const auto& own : {current_stream_on(index), default_stream_on(index)}) {
    if (queue == queue_of(own)) return own;
  }
  auto& kept = kept_on(index);
  if (const auto found = kept.find(queue); found != kept.end() && found->second) {
    return *found->second;
  }
  xpu_event::check_is_usable(queue, queue_of(default_stream_on(index)));
  auto& [lasting, stream] = *kept.try_emplace(queue).first;
  stream = wrap(lasting, index);
  return *stream;
}

sycl::queue queue_from(PyObject* source, const char* where) {
  if (PyCapsule_CheckExact(source)) return take_queue(source, where);
  TORCH_CHECK_TYPE(PyLong_Check(source), where,
                   " needs a capsule \"SyclQueueRef\" or the address of a sycl::queue, got ",
                   Py_TYPE(source)->tp_name, ".");
  TORCH_CHECK_VALUE(!PyBool_Check(source) && PyObject_IsTrue(source) == 1, where,
                    " needs the address of a sycl::queue, but the pointer is null.");
  void* address = PyLong_AsVoidPtr(source);
  if (address == nullptr) throw python_error();
  return xpu_event::queue_at(reinterpret_cast<std::uintptr_t>(address), queue_of(current_stream()));
}

}  // namespace xpu_event_ops
