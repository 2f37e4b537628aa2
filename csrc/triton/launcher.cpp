#include "triton/launcher.h"

#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/csrc/Exceptions.h>
#include <torch/csrc/utils/object_ptr.h>

#include <utility>

namespace xpu_triton {
namespace {

using c10::xpu::XPUStream;

// Where things are in a call of Triton; packed metadata are known already.
enum Position : Py_ssize_t { grid = 0, stream = 3, function, packed, metadata, enter, exit, first };

constexpr const char* kLauncherCapsule = "xpu_triton.Launcher";

// The stream of a queue, which Triton and Inductor pass as a number; nearly always a current one.
XPUStream stream_at(PyObject* number) {
  auto* const queue = static_cast<sycl::queue*>(PyLong_AsVoidPtr(number));
  if (PyErr_Occurred()) throw python_error();
  const auto current = c10::xpu::getCurrentXPUStream();
  if (&current.queue() == queue) return current;
  for (c10::DeviceIndex device = 0; device < c10::xpu::device_count(); ++device) {
    const auto there = c10::xpu::getCurrentXPUStream(device);
    if (&there.queue() == queue) return there;
  }
  return c10::xpu::getStreamFromExternal(queue, current.device_index());
}

// Whether there is anything to launch.
bool read_grid(const Launcher& launcher, PyObject* const* sizes, std::size_t (&groups)[3]) {
  bool is_empty = false;
  for (int i = 0; i < 3; ++i) {
    const auto size = PyLong_AsLongLong(sizes[i]);
    if (PyErr_Occurred()) throw python_error();
    TORCH_CHECK_VALUE(size >= 0, "The grid of the Triton kernel '", launcher.name,
                      "' has the size ", size, " in dimension ", i,
                      ". Sizes are 0, which launches nothing, or more.");
    groups[i] = size;
    is_empty = is_empty || size == 0;
  }
  return !is_empty;
}

void call_hook(PyObject* hook, PyObject* metadata) {
  if (hook == Py_None) return;
  THPObjectPtr result(PyObject_CallOneArg(hook, metadata));
  if (!result) throw python_error();
}

Kernel& kernel_of(PyObject* capsule) {
  auto* const kernel = static_cast<Kernel*>(PyCapsule_GetPointer(capsule, kKernelCapsule));
  if (!kernel) throw python_error();
  return *kernel;
}

void check_fits(const Launcher& launcher, const Kernel& kernel, const Launch& launch) {
  const auto count = launch.arguments.size() + (launcher.shared_bytes ? 1 : 0);
  TORCH_CHECK(count == kernel.arguments, "The Triton kernel '", launcher.name,
              "' was compiled with ", kernel.arguments, " parameters, and ", count,
              " are passed. This Triton compiles kernels in a way that xpu_dynamo_event does not "
              "know.");
  TORCH_CHECK_VALUE(launcher.width <= kernel.largest_work_group, "The Triton kernel '",
                    launcher.name, "' has work groups of ", launcher.width,
                    " work items, and the device allows ", kernel.largest_work_group,
                    ". Launch it with a smaller num_warps.");
}

void call(const Launcher& launcher, PyObject* const* values, Py_ssize_t count) {
  const auto expected = static_cast<Py_ssize_t>(launcher.parameters.size());
  TORCH_CHECK_TYPE(count == first + expected, "The Triton kernel '", launcher.name, "' takes ",
                   expected, " arguments, and ", count - first, " were passed.");
  Launch launch{.groups = {},
                .width = launcher.width,
                .shared_bytes = launcher.shared_bytes,
                .arguments = {},
                .accesses = {}};
  if (!read_grid(launcher, values + grid, launch.groups)) return;
  auto& kernel = kernel_of(values[function]);
  const auto on = stream_at(values[stream]);
  launch.arguments.reserve(expected);
  for (Py_ssize_t i = 0; i < expected; ++i)
    add_argument(launcher.parameters[i], values[first + i], on.device_index(), launcher.name,
                 launch);
  check_fits(launcher, kernel, launch);
  call_hook(values[enter], values[metadata]);
  xpu_triton::launch(on, kernel, std::move(launch));
  call_hook(values[exit], values[metadata]);
}

PyObject* call_from_python(PyObject* self, PyObject* const* values, Py_ssize_t count) {
  HANDLE_TH_ERRORS
  const auto* launcher = static_cast<Launcher*>(PyCapsule_GetPointer(self, kLauncherCapsule));
  if (!launcher) return nullptr;
  call(*launcher, values, count);
  Py_RETURN_NONE;
  END_HANDLE_TH_ERRORS
}

PyMethodDef method = {"launch",
                      reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&call_from_python)),
                      METH_FASTCALL, "Launch a Triton kernel; called by Triton."};

void destroy(PyObject* capsule) {
  delete static_cast<Launcher*>(PyCapsule_GetPointer(capsule, kLauncherCapsule));
}

}  // namespace

PyObject* make_function(Launcher launcher) {
  auto owned = std::make_unique<Launcher>(std::move(launcher));
  THPObjectPtr capsule(PyCapsule_New(owned.get(), kLauncherCapsule, &destroy));
  if (!capsule) throw python_error();
  [[maybe_unused]] auto* taken_over = owned.release();
  auto* const made = PyCFunction_New(&method, capsule.get());
  if (!made) throw python_error();
  return made;
}

}  // namespace xpu_triton
