#include "ops/capsules.h"

#include <c10/util/Exception.h>
#include <torch/csrc/Exceptions.h>

#include <cstdint>
#include <cstring>
#include <memory>

#include <sycl/version.hpp>

#include "event/queue_address.h"
#include "ops/event_state.h"
#include "ops/external_stream.h"

namespace xpu_event_ops {
namespace {

template <class Native>
struct Names;

template <>
struct Names<sycl::event> {
  static constexpr auto kFresh = "SyclEventRef";
  static constexpr auto kUsed = "used_SyclEventRef";
};

template <>
struct Names<sycl::queue> {
  static constexpr auto kFresh = "SyclQueueRef";
  static constexpr auto kUsed = "used_SyclQueueRef";
};

// Under either name, because a consumer takes a copy and leaves the original to the capsule.
template <class Native>
void destroy(PyObject* capsule) {
  for (const char* name : {Names<Native>::kFresh, Names<Native>::kUsed}) {
    if (!PyCapsule_IsValid(capsule, name)) continue;
    delete static_cast<Native*>(PyCapsule_GetPointer(capsule, name));
    return;
  }
}

template <class Native>
PyObject* make(const Native& value) {
  auto copy = std::make_unique<Native>(value);
  PyObject* capsule = PyCapsule_New(copy.get(), Names<Native>::kFresh, &destroy<Native>);
  if (capsule == nullptr) throw python_error();
  [[maybe_unused]] auto* owned_by_capsule = copy.release();
  return capsule;
}

template <class Native>
Native take(PyObject* capsule, const char* where) {
  using Name = Names<Native>;
  TORCH_CHECK_TYPE(PyCapsule_CheckExact(capsule), where, " needs a capsule \"", Name::kFresh,
                   "\", got ", Py_TYPE(capsule)->tp_name, ".");
  const char* name = PyCapsule_GetName(capsule);
  if (name == nullptr) name = "";
  TORCH_CHECK_VALUE(std::strcmp(name, Name::kUsed) != 0, where,
                    " got a capsule that was consumed already: its name is \"", Name::kUsed,
                    "\". A capsule is for one use; ask its maker for another.");
  TORCH_CHECK_TYPE(std::strcmp(name, Name::kFresh) == 0, where, " needs a capsule named \"",
                   Name::kFresh, "\", got one named \"", name, "\".");
  void* held = PyCapsule_GetPointer(capsule, name);
  TORCH_CHECK_VALUE(
      xpu_event::is_alive(reinterpret_cast<std::uintptr_t>(held), queue_of(current_stream())),
      where, " got a capsule \"", Name::kFresh, "\" that holds none of the SYCL library of torch ",
      "(libsycl ", __LIBSYCL_MAJOR_VERSION, "). Its maker is linked to another one, or has ",
      "destroyed what it holds. python -m xpu_dynamo_event says where the library of torch is.");
  Native value = *static_cast<Native*>(held);
  if (PyCapsule_SetName(capsule, Name::kUsed) != 0) throw python_error();
  return value;
}

}  // namespace

PyObject* capsule_of(const sycl::event& event) { return make(event); }
PyObject* capsule_of(const sycl::queue& queue) { return make(queue); }

sycl::event take_event(PyObject* capsule, const char* where) {
  return take<sycl::event>(capsule, where);
}

sycl::queue take_queue(PyObject* capsule, const char* where) {
  return take<sycl::queue>(capsule, where);
}

}  // namespace xpu_event_ops
