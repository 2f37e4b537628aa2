#include "runtime/backend/hooks.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/detail/XPUHooksInterface.h>
#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>

#include <memory>
#include <new>

#include "runtime/backend/generator.h"
#include "runtime/backend/pinned_memory.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::Device;
using c10::DeviceIndex;

// No data members: see replace().
struct Hooks final : at::XPUHooksInterface {
  // torch asks this to find the accelerator of the process; without a device there is none.
  bool isBuilt() const override { return isAvailable(); }
  bool isAvailable() const override { return c10::xpu::device_count() > 0; }
  bool hasXPU() const override { return isAvailable(); }
  bool hasPrimaryContext(DeviceIndex /*device*/) const override { return isAvailable(); }
  void init() const override { c10::xpu::device_count_ensure_non_zero(); }
  std::string showConfig() const override { return "XPU runtime on SYCL for a torch without XPU"; }

  DeviceIndex deviceCount() const override { return c10::xpu::device_count(); }
  DeviceIndex getNumGPUs() const override { return c10::xpu::device_count(); }
  DeviceIndex current_device() const override { return c10::xpu::current_device(); }
  DeviceIndex getCurrentDevice() const override { return c10::xpu::current_device(); }
  void setCurrentDevice(DeviceIndex device) const override { c10::xpu::set_device(device); }
  DeviceIndex exchangeDevice(DeviceIndex device) const override {
    return c10::xpu::exchange_device(device);
  }
  DeviceIndex maybeExchangeDevice(DeviceIndex device) const override {
    return c10::xpu::maybe_exchange_device(device);
  }
  void deviceSynchronize(DeviceIndex device) const override { synchronize(device); }

  std::int32_t getGlobalIdxFromDevice(const Device& device) const override {
    return device.has_index() ? device.index() : c10::xpu::current_device();
  }
  Device getDeviceFromPtr(void* pointer) const override {
    return {c10::kXPU, c10::xpu::get_device_idx_from_pointer(pointer)};
  }
  const at::Generator& getDefaultGenerator(DeviceIndex device) const override {
    return default_generator(device);
  }
  at::Generator getNewGenerator(DeviceIndex device) const override { return new_generator(device); }
  at::Allocator* getPinnedMemoryAllocator() const override { return pinned_allocator(); }
  bool isPinnedPtr(const void* pointer) const override { return is_pinned(pointer); }
};

// torch keeps the first hooks that it hands out. Such an object has nothing but a vtable pointer,
// so another one can be constructed in its place.
template <class New, class Interface>
void replace(const Interface& hooks) {
  static_assert(sizeof(New) == sizeof(void*) && sizeof(Interface) == sizeof(void*));
  auto* place = const_cast<Interface*>(&hooks);
  std::destroy_at(place);
  new (place) New();
}

}  // namespace

void register_hooks() {
  // By hand and not with REGISTER_XPU_HOOKS, which registers when the library is loaded. The key is
  // the name that getXPUHooks() looks for.
  at::XPUHooksRegistry()->Register("XPUHooks", [] { return std::make_unique<Hooks>(); });
  // A backward or a torch.accelerator call before us has got the stub.
  const auto& cached = at::detail::getXPUHooks();
  if (dynamic_cast<const Hooks*>(&cached)) return;
  TORCH_CHECK(typeid(cached) == typeid(at::XPUHooksInterface),
              "torch has XPU hooks of another backend already.");
  replace<Hooks>(cached);
}

void hide_cuda() {
  const auto& hooks = at::detail::getCUDAHooks();  // ATen/cuda/detail/CUDAHooks.h in a CUDA build
  if (!hooks.isBuilt()) return;
  TORCH_CHECK(!hooks.hasCUDA(), "CUDA cannot be hidden: this process has ", hooks.getNumGPUs(),
              " CUDA device(s). Start it with CUDA_VISIBLE_DEVICES= (empty) as well.");
  replace<at::CUDAHooksInterface>(hooks);
}

}  // namespace xpu_runtime
