// torch._C._XpuStreamBase and the functions about streams.
#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUStream.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/Stream.h>
#include <torch/csrc/utils/object_ptr.h>
#include <torch/csrc/utils/pybind.h>

#include <new>
#include <tuple>

#include "bindings/runtime_parts.h"
#include "ops/no_gil.h"
#include "runtime/c10_xpu/task_queue.h"
#include "stream_ids/stream_ids.h"

namespace py = pybind11;

namespace xpu_bindings {
namespace {

using c10::DeviceIndex;
using c10::DeviceType;
using c10::xpu::XPUStream;

// The layout of upstream's THXPStream. A torch.Stream first, so all of torch takes it for one.
struct StreamObject : THPStream {
  XPUStream stream;
};

const XPUStream& stream_of(PyObject* self) { return reinterpret_cast<StreamObject*>(self)->stream; }

XPUStream unpack(std::int64_t id, std::int64_t device_index, std::int64_t device_type) {
  const auto index = static_cast<DeviceIndex>(device_index);
  const auto type = static_cast<DeviceType>(device_type);
  TORCH_CHECK(index == device_index && static_cast<std::int64_t>(type) == device_type,
              "There is no device with index ", device_index, " and type ", device_type, ".");
  TORCH_CHECK(type == c10::kXPU, "Expected a stream of an XPU device, but got one of ",
              c10::Device(type, index), ". Create it with torch.xpu.Stream().");
  return XPUStream::unpack3(id, index, type);
}

// Looks the stream up, so that a wrong id fails here and not at first use.
XPUStream checked(const XPUStream& stream) {
  (void)stream.queue();
  return stream;
}

PyObject* make_object(PyTypeObject* type, const XPUStream& stream) {
  THPObjectPtr object(type->tp_alloc(type, 0));
  if (!object) return nullptr;
  auto* self = reinterpret_cast<StreamObject*>(object.get());
  self->stream_id = stream.id();
  self->device_index = stream.device_index();
  self->device_type = static_cast<std::int64_t>(stream.device_type());
  self->context = nullptr;
  self->weakreflist = nullptr;
  new (&self->stream) XPUStream(stream);
  return object.release();
}

PyObject* stream_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  HANDLE_TH_ERRORS
  int priority = 0;
  long long id = 0, device_index = 0, device_type = 0;
  static const char* keywords[] = {"priority", "stream_id", "device_index", "device_type", nullptr};
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|iLLL:Stream", const_cast<char**>(keywords),
                                   &priority, &id, &device_index, &device_type))
    return nullptr;
  const bool names_stream = id != 0 || device_index != 0 || device_type != 0;
  const auto stream = names_stream ? checked(unpack(id, device_index, device_type))
                                   : c10::xpu::getStreamFromPool(priority);
  return make_object(type, stream);
  END_HANDLE_TH_ERRORS
}

// Not inherited: torch.Stream's own crashes for instances of a Python subclass.
void stream_dealloc(PyObject* object) {
  auto* self = reinterpret_cast<THPStream*>(object);
  if (self->weakreflist) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->context);
  Py_TYPE(object)->tp_free(object);
}

// The address the user gave, for an external stream: its id.
PyObject* stream_sycl_queue(PyObject* self, void* /*closure*/) {
  HANDLE_TH_ERRORS
  const auto& stream = stream_of(self);
  const bool external = xpu_stream_ids::is_external(stream.id());
  return PyLong_FromVoidPtr(external ? reinterpret_cast<void*>(stream.id()) : &stream.queue());
  END_HANDLE_TH_ERRORS
}

PyObject* stream_priority(PyObject* self, void* /*closure*/) {
  HANDLE_TH_ERRORS
  return PyLong_FromLong(stream_of(self).priority());
  END_HANDLE_TH_ERRORS
}

PyObject* stream_priority_range(PyObject* /*self*/, PyObject* /*unused*/) {
  const auto [lowest, highest] = XPUStream::priority_range();
  return Py_BuildValue("(ii)", lowest, highest);
}

PyObject* stream_query(PyObject* self, PyObject* /*unused*/) {
  HANDLE_TH_ERRORS
  return PyBool_FromLong(xpu_runtime::is_idle(stream_of(self)));
  END_HANDLE_TH_ERRORS
}

PyObject* stream_synchronize(PyObject* self, PyObject* /*unused*/) {
  HANDLE_TH_ERRORS {
    const xpu_event_ops::NoGil no_gil;
    stream_of(self).unwrap().synchronize();
  }
  Py_RETURN_NONE;
  END_HANDLE_TH_ERRORS
}

PyObject* stream_eq(PyObject* self, PyObject* other) {
  return PyBool_FromLong(
      THPStream_Check(other) &&
      stream_of(self).unwrap() ==
          c10::Stream::unpack3(
              reinterpret_cast<THPStream*>(other)->stream_id,
              static_cast<DeviceIndex>(reinterpret_cast<THPStream*>(other)->device_index),
              static_cast<DeviceType>(reinterpret_cast<THPStream*>(other)->device_type)));
}

PyGetSetDef stream_properties[] = {
    {"sycl_queue", stream_sycl_queue, nullptr, "Address of the sycl::queue.", nullptr},
    {"priority", stream_priority, nullptr, "Lower numbers are more urgent.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMethodDef stream_methods[] = {
    {"query", stream_query, METH_NOARGS, nullptr},
    {"synchronize", stream_synchronize, METH_NOARGS, nullptr},
    {"priority_range", stream_priority_range, METH_STATIC | METH_NOARGS, nullptr},
    {"__eq__", stream_eq, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyTypeObject* stream_type() {
  static PyTypeObject type{};
  Py_SET_REFCNT(&type, 1);
  type.tp_name = "torch._C._XpuStreamBase";
  type.tp_basicsize = sizeof(StreamObject);
  type.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  type.tp_doc = "An in-order SYCL queue of the xpu device; a torch.Stream.";
  type.tp_methods = stream_methods;
  type.tp_getset = stream_properties;
  type.tp_base = THPStreamClass;
  type.tp_new = stream_new;
  type.tp_dealloc = stream_dealloc;
  if (PyType_Ready(&type) < 0) throw py::error_already_set();
  return &type;
}

using Packed = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

Packed pack(const XPUStream& stream) {
  return {stream.id(), stream.device_index(), static_cast<std::int64_t>(stream.device_type())};
}

void set_stream(std::int64_t id, std::int64_t device_index, std::int64_t device_type) {
  const auto stream = unpack(id, device_index, device_type);
  c10::xpu::setCurrentXPUStream(stream);
  c10::xpu::set_device(stream.device_index());
}

}  // namespace

void bind_stream(py::module_& m) {
  m.attr("_XpuStreamBase") = py::handle(reinterpret_cast<PyObject*>(stream_type()));
  m.def("_xpu_getCurrentStream", torch::wrap_pybind_function([](DeviceIndex device) {
          return pack(c10::xpu::getCurrentXPUStream(device));
        }));
  m.def("_xpu_getCurrentRawStream", torch::wrap_pybind_function([](DeviceIndex device) {
          return reinterpret_cast<std::uintptr_t>(&c10::xpu::getCurrentXPUStream(device).queue());
        }));
  m.def("_xpu_setStream", torch::wrap_pybind_function(&set_stream), py::arg("stream_id"),
        py::arg("device_index"), py::arg("device_type"));
  m.def(
      "_xpu_getStreamFromExternal",
      torch::wrap_pybind_function([](std::uintptr_t queue, DeviceIndex device) {
        return pack(c10::xpu::getStreamFromExternal(reinterpret_cast<sycl::queue*>(queue), device));
      }));
  m.def(
      "enqueue_address", [] { return reinterpret_cast<std::uintptr_t>(&xpu_runtime_enqueue); },
      "Return the address of xpu_runtime_enqueue, which generated kernels call.");
}

}  // namespace xpu_bindings
