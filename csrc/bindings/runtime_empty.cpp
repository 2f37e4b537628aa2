// empty_strided for generated code: once per buffer, so without the dispatcher and without
// pybind11.
#include <c10/xpu/XPUFunctions.h>
#include <pybind11/pybind11.h>
#include <torch/csrc/Dtype.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/autograd/python_variable.h>

#include "bindings/runtime_parts.h"
#include "runtime/tensors/factories.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

using Sizes = c10::SmallVector<std::int64_t, 8>;

Sizes to_sizes(PyObject* object) {
  TORCH_CHECK_TYPE(PyTuple_Check(object), "empty_strided: sizes and strides must be tuples");
  Sizes sizes(PyTuple_GET_SIZE(object));
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    sizes[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(object, i));
    if (sizes[i] == -1 && PyErr_Occurred()) throw python_error();
  }
  return sizes;
}

PyObject* empty_strided(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  TORCH_CHECK_TYPE(count == 3 && THPDtype_Check(args[2]),
                   "empty_strided takes (size: tuple, stride: tuple, dtype: torch.dtype)");
  const c10::Device device(c10::kXPU, c10::xpu::current_device());
  return THPVariable_Wrap(
      xpu_runtime::empty_strided(to_sizes(args[0]), to_sizes(args[1]),
                                 reinterpret_cast<THPDtype*>(args[2])->scalar_type, device));
  END_HANDLE_TH_ERRORS
}

PyMethodDef methods[] = {
    {"empty_strided", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&empty_strided)),
     METH_FASTCALL,
     "empty_strided(size, stride, dtype)\n\nReturn an uninitialised tensor on the current device."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

void bind_empty(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), methods) < 0) throw py::error_already_set();
}

}  // namespace xpu_bindings
