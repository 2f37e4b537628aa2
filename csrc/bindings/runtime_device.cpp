// torch._C._xpu_*: devices, initialisation, fork.
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/xpu/PeerToPeerAccess.h>
#include <c10/xpu/XPUFunctions.h>
#include <pthread.h>
#include <pybind11/pybind11.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/Generator.h>
#include <torch/csrc/utils/device_lazy_init.h>

#include "bindings/runtime_parts.h"
#include "runtime/backend/generator.h"
#include "runtime/c10_xpu/fork.h"
#include "stream_ids/stream_ids.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

using c10::DeviceIndex;

// A forked child initialises again, or learns that it cannot.
void watch_forks() {
  [[maybe_unused]] static const int installed = pthread_atfork(
      nullptr, nullptr, [] { torch::utils::set_requires_device_init(at::kXPU, true); });
}

// On a torch with XPU to count devices is to use them: a child that is forked later must not.
DeviceIndex count_devices() {
  if (xpu_stream_ids::are_upstreams()) xpu_runtime::note_device_use();
  return c10::xpu::device_count();
}

py::tuple default_generators() {
  const int count = c10::xpu::device_count();
  py::tuple generators(count);
  for (int i = 0; i < count; ++i) {
    const auto& generator = xpu_runtime::default_generator(static_cast<DeviceIndex>(i));
    generators[i] = py::reinterpret_steal<py::object>(THPGenerator_initDefaultGenerator(generator));
  }
  return generators;
}

void init(const py::object& properties_of) {
  xpu_runtime::check_not_forked();
  c10::xpu::device_count_ensure_non_zero();
  watch_forks();
  const auto torch_xpu = py::module_::import("torch.xpu");
  torch_xpu.attr("default_generators") = default_generators();
  torch_xpu.attr("_get_device_properties") = properties_of;
}

// A negative index is torch.xpu's way to say "leave it".
DeviceIndex exchange_device(DeviceIndex device) {
  return device < 0 ? DeviceIndex{-1} : c10::xpu::exchange_device(device);
}

}  // namespace

void bind_device(py::module_& m) {
  m.def("_xpu_init", torch::wrap_pybind_function([m] { init(m.attr("device_properties")); }));
  m.def("_xpu_isInBadFork", &xpu_runtime::in_bad_fork);
  m.def("_xpu_getDeviceCount", &count_devices);
  m.def("_xpu_getDevice", torch::wrap_pybind_function(&c10::xpu::current_device));
  m.def("_xpu_setDevice", torch::wrap_pybind_function(&c10::xpu::set_device));
  m.def("_xpu_exchangeDevice", torch::wrap_pybind_function(&exchange_device));
  m.def("_xpu_maybeExchangeDevice", torch::wrap_pybind_function(&exchange_device));
  m.def("_xpu_getArchFlags", [] { return py::none(); });
  m.def("_xpu_canDeviceAccessPeer", torch::wrap_pybind_function(&c10::xpu::get_p2p_access));
  m.def("_xpu_synchronize",
        // By way of the guard, as torch.accelerator.synchronize(): it tells torch's GPU trace.
        torch::wrap_pybind_function([](DeviceIndex device) {
          c10::impl::VirtualGuardImpl(c10::kXPU).synchronizeDevice(device);
        }));
}

}  // namespace xpu_bindings
