// xpu_dynamo_event._triton: Triton's kernels on the runtime's device.
#include <pybind11/pybind11.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/utils/pybind.h>

#include "ops/no_gil.h"
#include "triton/kernel.h"
#include "triton/launcher.h"

namespace py = pybind11;
using namespace py::literals;

namespace {

py::tuple load(c10::DeviceIndex device, const std::string& name, const std::string& spirv,
               const std::optional<std::string>& binary, const std::string& flags) {
  auto built = [&] {
    const xpu_event_ops::NoGil no_gil;
    return xpu_triton::load(device, name, spirv, binary, flags);
  }();
  const py::object kernel =
      built.kernel ? py::object(py::capsule(built.kernel, xpu_triton::kKernelCapsule)) : py::none();
  return py::make_tuple(kernel, py::bytes(built.binary), py::bytes(built.log));
}

py::object launcher(const std::string& name, const py::iterable& parameters, std::size_t width,
                    std::size_t shared_bytes) {
  xpu_triton::Launcher made{
      .name = name, .parameters = {}, .width = width, .shared_bytes = shared_bytes};
  for (const auto& each : parameters) {
    const auto [parameter, type, is_written] =
        each.cast<std::tuple<std::string, py::object, bool>>();
    made.parameters.push_back(xpu_triton::parse_parameter(parameter, type.ptr()));
    made.parameters.back().is_written = is_written;
  }
  return py::reinterpret_steal<py::object>(xpu_triton::make_function(std::move(made)));
}

}  // namespace

PYBIND11_MODULE(_triton, m) {
  m.doc() = "Triton's kernels on the runtime's device; see xpu_dynamo_event.triton.";
  m.def("load", torch::wrap_pybind_function(&load), "device"_a, "name"_a, "spirv"_a, "binary"_a,
        "flags"_a,
        "Build a kernel; returns it, or None, then its binary if it was built from SPIR-V, and "
        "what the compiler said if it refuses it.");
  m.def("launcher", torch::wrap_pybind_function(&launcher), "name"_a, "parameters"_a, "width"_a,
        "shared_bytes"_a,
        "Return the function that launches a kernel, by Triton's calling convention. A parameter "
        "is its name, its type in Triton's signature, and whether the kernel writes to it.");
}
