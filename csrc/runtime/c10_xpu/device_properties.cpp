// Device properties: what c10/xpu/XPUDeviceProp.h lists, with defaults for what a device lacks.
#include <c10/xpu/XPUDeviceProp.h>
#include <c10/xpu/XPUFunctions.h>

namespace c10::xpu {
namespace {

template <class Info>
void query(const sycl::device& device, typename Info::return_type& value) {
  try {
    value = device.get_info<Info>();
  } catch (const sycl::exception&) {
    value = {};  // not every device answers every question
  }
}

}  // namespace

void get_device_properties(DeviceProp* prop, DeviceIndex device_index) {
  const auto& device = get_raw_device(device_index);

#define QUERY_PROPERTY(member) query<sycl::info::device::member>(device, prop->member);
  AT_FORALL_XPU_DEVICE_PROPERTIES(QUERY_PROPERTY)
#undef QUERY_PROPERTY

  prop->platform_name = device.get_platform().get_info<sycl::info::platform::name>();

#define QUERY_INTEL_PROPERTY(member, aspect_name, default_value)                 \
  prop->member = device.has(sycl::aspect::ext_intel_##aspect_name)               \
                     ? device.get_info<sycl::ext::intel::info::device::member>() \
                     : (default_value);
  AT_FORALL_XPU_EXT_DEVICE_PROPERTIES(QUERY_INTEL_PROPERTY)
#undef QUERY_INTEL_PROPERTY

#if SYCL_COMPILER_VERSION >= 20260000
  prop->is_integrated_gpu = device.has(sycl::aspect::ext_oneapi_is_integrated_gpu);
#endif

#define QUERY_ASPECT(member) prop->has_##member = device.has(sycl::aspect::member);
  AT_FORALL_XPU_DEVICE_ASPECT(QUERY_ASPECT)
#undef QUERY_ASPECT

  sycl::ext::oneapi::experimental::cl_version version{};
#define QUERY_EXTENSION(member) \
  prop->has_##member = device.ext_oneapi_supports_cl_extension("cl_intel_" #member, &version);
  AT_FORALL_XPU_EXP_CL_ASPECT(QUERY_EXTENSION)
#undef QUERY_EXTENSION

  query<sycl::ext::oneapi::experimental::info::device::architecture>(device, prop->architecture);
}

}  // namespace c10::xpu
