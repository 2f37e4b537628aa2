#include "triton/signature.h"

#include <ATen/core/Tensor.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>
#include <c10/util/Half.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/utils/object_ptr.h>

#include <bit>
#include <map>
#include <string_view>
#include <sycl/sycl.hpp>
#include <utility>

namespace xpu_triton {
namespace {

using Kind = Parameter::Kind;

std::string_view text_of(PyObject* text) {
  Py_ssize_t size = 0;
  const auto* const characters = PyUnicode_AsUTF8AndSize(text, &size);
  if (!characters) throw python_error();
  return {characters, static_cast<std::size_t>(size)};
}

// Names of types are Triton's. A number of 16 bits is converted here, one of 1 bit takes a byte.
const std::map<std::string_view, std::pair<Kind, std::uint8_t>> kNumbers = {
    {"i1", {Kind::integer, 1}},
    {"i8", {Kind::integer, 1}},
    {"i16", {Kind::integer, 2}},
    {"i32", {Kind::integer, 4}},
    {"i64", {Kind::integer, 8}},
    {"u1", {Kind::unsigned_integer, 1}},
    {"u8", {Kind::unsigned_integer, 1}},
    {"u16", {Kind::unsigned_integer, 2}},
    {"u32", {Kind::unsigned_integer, 4}},
    {"u64", {Kind::unsigned_integer, 8}},
    {"fp16", {Kind::real, 2}},
    {"bf16", {Kind::real, 2}},
    {"fp32", {Kind::real, 4}},
    {"f32", {Kind::real, 4}},
    {"fp64", {Kind::real, 8}},
};

Parameter parse_tuple(std::string name, PyObject* types) {
  Parameter parameter{.name = std::move(name), .kind = Kind::tuple};
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(types); ++i)
    parameter.fields.push_back(parse_parameter(parameter.name + "[" + std::to_string(i) + "]",
                                               PyTuple_GET_ITEM(types, i)));
  return parameter;
}

// What an error says first.
std::string place(const Parameter& parameter, const std::string& kernel) {
  return "Argument '" + parameter.name + "' of the Triton kernel '" + kernel + "' ";
}

const char* type_name(PyObject* value) { return Py_TYPE(value)->tp_name; }

void add_access(const at::Tensor& tensor, bool is_written, Launch& launch) {
  if (!xpu_runtime::order_log::enabled() || tensor.numel() == 0) return;
  launch.accesses.push_back({reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()),
                             static_cast<std::int64_t>(tensor.itemsize()), tensor.sizes().vec(),
                             tensor.strides().vec(), is_written});
}

std::uint64_t address_of_tensor(const Parameter& parameter, const at::Tensor& tensor,
                                c10::DeviceIndex device, const std::string& kernel,
                                Launch& launch) {
  const auto own = c10::Device(c10::kXPU, device);
  TORCH_CHECK_VALUE(tensor.device() == own || tensor.numel() == 0, place(parameter, kernel),
                    "is a tensor on ", tensor.device(), ", and the kernel is launched on ", own,
                    ". Move the tensor there, or make its device current: with "
                    "torch.xpu.device(...).");
  // A read must not make a lazy copy real.
  const auto* data = parameter.is_written ? tensor.mutable_data_ptr() : tensor.const_data_ptr();
  add_access(tensor, parameter.is_written, launch);
  return reinterpret_cast<std::uint64_t>(data);
}

std::uint64_t checked_address(const Parameter& parameter, PyObject* number,
                              const std::string& kernel, Launch& launch) {
  const auto address = PyLong_AsUnsignedLongLong(number);
  if (PyErr_Occurred()) throw python_error();
  if (address == 0) return 0;
  const auto kind = sycl::get_pointer_type(reinterpret_cast<const void*>(address),
                                           c10::xpu::get_device_context());
  TORCH_CHECK_VALUE(kind != sycl::usm::alloc::unknown, place(parameter, kernel), "is the address ",
                    reinterpret_cast<const void*>(address),
                    ", which is not in memory of the xpu device. Pass a tensor on the device.");
  if (xpu_runtime::order_log::enabled())
    launch.accesses.push_back({address, 1, {-1}, {1}, parameter.is_written});
  return address;
}

std::uint64_t address_of(const Parameter& parameter, PyObject* value, c10::DeviceIndex device,
                         const std::string& kernel, Launch& launch) {
  if (THPVariable_Check(value))
    return address_of_tensor(parameter, THPVariable_Unpack(value), device, kernel, launch);
  if (value == Py_None) return 0;
  if (PyLong_Check(value)) return checked_address(parameter, value, kernel, launch);
  // Such as triton.reinterpret(tensor, dtype).
  THPObjectPtr data_ptr(PyObject_GetAttrString(value, "data_ptr"));
  if (!data_ptr) {
    PyErr_Clear();
    TORCH_CHECK_TYPE(false, place(parameter, kernel), "is a pointer, and a ", type_name(value),
                     " was passed. Pass a tensor, None, or an address as an int.");
  }
  THPObjectPtr address(PyObject_CallNoArgs(data_ptr.get()));
  if (!address) throw python_error();
  return checked_address(parameter, address.get(), kernel, launch);
}

std::uint64_t integer(const Parameter& parameter, PyObject* value, const std::string& kernel) {
  THPObjectPtr number(PyNumber_Index(value));
  if (!number) {
    PyErr_Clear();
    TORCH_CHECK_TYPE(false, place(parameter, kernel), "is an integer, and a ", type_name(value),
                     " was passed.");
  }
  const bool is_signed = parameter.kind == Kind::integer;
  const auto result = is_signed ? static_cast<std::uint64_t>(PyLong_AsLongLong(number.get()))
                                : PyLong_AsUnsignedLongLong(number.get());
  const bool overflow = PyErr_Occurred() != nullptr;
  PyErr_Clear();
  const int unused = 64 - 8 * parameter.size;
  const auto shifted = result << unused;
  const auto back = is_signed
                        ? static_cast<std::uint64_t>(static_cast<std::int64_t>(shifted) >> unused)
                        : shifted >> unused;
  TORCH_CHECK_VALUE(!overflow && back == result, place(parameter, kernel), "has ",
                    8 * parameter.size, " bits, and ",
                    std::string(text_of(THPObjectPtr(PyObject_Str(number.get())).get())),
                    " does not fit. Annotate the parameter with a larger type, such as tl.int64.");
  return result;
}

std::uint64_t real(const Parameter& parameter, PyObject* value, const std::string& kernel) {
  const auto number = PyFloat_AsDouble(value);
  if (PyErr_Occurred()) {
    PyErr_Clear();
    TORCH_CHECK_TYPE(false, place(parameter, kernel), "is a number, and a ", type_name(value),
                     " was passed.");
  }
  if (parameter.size == 8) return std::bit_cast<std::uint64_t>(number);
  const auto single = static_cast<float>(number);
  if (parameter.size == 4) return std::bit_cast<std::uint32_t>(single);
  return parameter.is_bfloat ? c10::BFloat16(single).x : c10::Half(single).x;
}

void add_fields(const Parameter& parameter, PyObject* value, c10::DeviceIndex device,
                const std::string& kernel, Launch& launch) {
  THPObjectPtr fields(PySequence_Tuple(value));
  if (!fields) throw python_error();
  const auto count = static_cast<std::size_t>(PyTuple_GET_SIZE(fields.get()));
  TORCH_CHECK_TYPE(count == parameter.fields.size(), place(parameter, kernel), "has ",
                   parameter.fields.size(), " elements, and ", count, " were passed.");
  for (std::size_t i = 0; i < count; ++i)
    add_argument(parameter.fields[i], PyTuple_GET_ITEM(fields.get(), i), device, kernel, launch);
}

}  // namespace

Parameter parse_parameter(std::string name, PyObject* type) {
  if (PyTuple_Check(type)) return parse_tuple(std::move(name), type);
  const auto text = text_of(type);
  if (text == "constexpr") return {.name = std::move(name), .kind = Kind::constant};
  if (text.starts_with('*')) return {.name = std::move(name), .kind = Kind::pointer};
  const auto number = kNumbers.find(text);
  TORCH_CHECK_NOT_IMPLEMENTED(number != kNumbers.end(), "Parameter '", name,
                              "' of a Triton kernel has the type '", std::string(text),
                              "', which the xpu device does not take. Pass pointers and numbers.");
  const auto [kind, size] = number->second;
  return {.name = std::move(name), .kind = kind, .size = size, .is_bfloat = text == "bf16"};
}

void add_argument(const Parameter& parameter, PyObject* value, c10::DeviceIndex device,
                  const std::string& kernel, Launch& launch) {
  auto& arguments = launch.arguments;
  switch (parameter.kind) {
    case Kind::constant:
      return;
    case Kind::pointer:
      arguments.push_back({address_of(parameter, value, device, kernel, launch), 0});
      return;
    case Kind::integer:
    case Kind::unsigned_integer:
      arguments.push_back({integer(parameter, value, kernel), parameter.size});
      return;
    case Kind::real:
      arguments.push_back({real(parameter, value, kernel), parameter.size});
      return;
    case Kind::tuple:
      add_fields(parameter, value, device, kernel, launch);
  }
}

}  // namespace xpu_triton
