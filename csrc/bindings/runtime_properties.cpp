// torch._C._XpuDeviceProperties
#include <c10/xpu/XPUDeviceProp.h>
#include <c10/xpu/XPUFunctions.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/csrc/Exceptions.h>

#include <map>
#include <sstream>

#include "bindings/runtime_parts.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

using c10::xpu::DeviceProp;

std::string device_type(const DeviceProp& prop) {
  switch (prop.device_type) {
    case sycl::info::device_type::cpu:
      return "cpu";
    case sycl::info::device_type::gpu:
      return "gpu";
    case sycl::info::device_type::accelerator:
      return "accelerator";
    default:
      return "unknown";
  }
}

// Execution units come in groups; a device that is not a GPU has none.
std::uint32_t subslices(const DeviceProp& prop) {
  const auto group = prop.gpu_eu_count_per_subslice;
  return group ? prop.gpu_eu_count / group : 0;
}

std::string representation(const DeviceProp& prop) {
  std::ostringstream text;
  text << "_XpuDeviceProperties(name='" << prop.name << "', platform_name='" << prop.platform_name
       << "', type='" << device_type(prop) << "', driver_version='" << prop.driver_version
       << "', total_memory=" << prop.global_mem_size / (std::size_t{1} << 20)
       << "MB, max_compute_units=" << prop.max_compute_units << ", has_fp16=" << prop.has_fp16
       << ", has_fp64=" << prop.has_fp64 << ")";
  return text.str();
}

// One object per device, so that two answers are equal. The GIL protects them.
const DeviceProp* device_properties(c10::DeviceIndex device) {
  static auto* all = new std::map<c10::DeviceIndex, DeviceProp>;
  const auto known = all->find(device);
  if (known != all->end()) return &known->second;
  DeviceProp prop;
  c10::xpu::get_device_properties(&prop, device);
  return &all->emplace(device, prop).first->second;
}

}  // namespace

void bind_properties(py::module_& m) {
  py::class_<DeviceProp>(m, "_XpuDeviceProperties", py::module_local())
      .def_readonly("name", &DeviceProp::name)
      .def_readonly("platform_name", &DeviceProp::platform_name)
      .def_readonly("vendor", &DeviceProp::vendor)
      .def_readonly("device_id", &DeviceProp::device_id)
      .def_readonly("driver_version", &DeviceProp::driver_version)
      .def_readonly("version", &DeviceProp::version)
      .def_readonly("max_compute_units", &DeviceProp::max_compute_units)
      .def_readonly("gpu_eu_count", &DeviceProp::gpu_eu_count)
      .def_readonly("max_work_group_size", &DeviceProp::max_work_group_size)
      .def_readonly("max_num_sub_groups", &DeviceProp::max_num_sub_groups)
      .def_readonly("memory_clock_rate", &DeviceProp::memory_clock_rate)
      .def_readonly("memory_bus_width", &DeviceProp::memory_bus_width)
      .def_readonly("sub_group_sizes", &DeviceProp::sub_group_sizes)
      .def_readonly("local_mem_size", &DeviceProp::local_mem_size)
      .def_readonly("last_level_cache_size", &DeviceProp::global_mem_cache_size)
      .def_readonly("has_fp16", &DeviceProp::has_fp16)
      .def_readonly("has_fp64", &DeviceProp::has_fp64)
      .def_readonly("has_atomic64", &DeviceProp::has_atomic64)
      .def_readonly("has_bfloat16_conversions", &DeviceProp::has_bfloat16_conversions)
      .def_readonly("has_subgroup_matrix_multiply_accumulate",
                    &DeviceProp::has_subgroup_matrix_multiply_accumulate)
      .def_readonly("has_subgroup_matrix_multiply_accumulate_tensor_float32",
                    &DeviceProp::has_subgroup_matrix_multiply_accumulate_tensor_float32)
      .def_readonly("has_subgroup_2d_block_io", &DeviceProp::has_subgroup_2d_block_io)
#if SYCL_COMPILER_VERSION >= 20260000
      .def_readonly("is_integrated_gpu", &DeviceProp::is_integrated_gpu)
#endif
      .def_readonly("total_memory", &DeviceProp::global_mem_size)
      .def_property_readonly("gpu_subslice_count", &subslices)
      .def_property_readonly(
          "architecture",
          [](const DeviceProp& prop) { return static_cast<std::int64_t>(prop.architecture); })
      .def_property_readonly("type", &device_type)
      .def_property_readonly("uuid",
                             [](const DeviceProp& prop) {
                               return py::bytes(reinterpret_cast<const char*>(prop.uuid.data()),
                                                prop.uuid.size());
                             })
      .def("__repr__", &representation);
  m.def("device_properties", torch::wrap_pybind_function(&device_properties), py::arg("device"),
        py::return_value_policy::reference);
}

}  // namespace xpu_bindings
