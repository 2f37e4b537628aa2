#include "ops/gpu_trace.h"

#include <c10/core/impl/GPUTrace.h>
#include <c10/core/impl/PyInterpreter.h>
#include <torch/csrc/python_headers.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace xpu_event_ops {
namespace {

using c10::impl::GPUTrace;
using c10::impl::PyInterpreter;
using Calls = c10::impl::PyInterpreterVTable;
using Deletion = void (*)(const Calls*, c10::DeviceType, std::uintptr_t);

// Where the table of a class has a virtual method, by the ABI of x86-64 Linux.
template <class Method>
std::size_t slot_of(Method method) {
  std::array<std::uintptr_t, 2> words{};
  static_assert(sizeof(words) == sizeof(method));
  std::memcpy(words.data(), &method, sizeof(words));
  return (words[0] - 1) / sizeof(void*);
}

const Calls* upstream = nullptr;
Deletion memory_deletion = nullptr;
Deletion event_deletion = nullptr;

void keeping_the_error(Deletion deletion, c10::DeviceType type, std::uintptr_t address) {
  if (!Py_IsInitialized()) return;
  const auto gil = PyGILState_Ensure();
  PyObject *kind = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&kind, &value, &traceback);
  deletion(upstream, type, address);
  PyErr_Restore(kind, value, traceback);
  PyGILState_Release(gil);
}

void delete_memory(const Calls* /*self*/, c10::DeviceType type, std::uintptr_t address) {
  keeping_the_error(memory_deletion, type, address);
}

void delete_event(const Calls* /*self*/, c10::DeviceType type, std::uintptr_t address) {
  keeping_the_error(event_deletion, type, address);
}

// Upstream's table with two methods replaced. The interface has forty others, which differ from one
// version of torch to the next and which nobody calls through the trace.
const PyInterpreter& guarded(const PyInterpreter& trace) {
  const auto memory = slot_of(&Calls::trace_gpu_memory_deallocation);
  const auto event = slot_of(&Calls::trace_gpu_event_deletion);
  const auto last = slot_of(&Calls::trace_gpu_event_synchronization);
  static std::array<void*, 128> table{};
  upstream = trace.vtable_;
  auto* const* methods = *reinterpret_cast<void* const* const*>(upstream);
  std::copy_n(methods, std::min(std::max({memory, event, last}) + 1, table.size()), table.begin());
  memory_deletion = reinterpret_cast<Deletion>(table.at(memory));
  event_deletion = reinterpret_cast<Deletion>(table.at(event));
  table.at(memory) = reinterpret_cast<void*>(&delete_memory);
  table.at(event) = reinterpret_cast<void*>(&delete_event);
  static void* const* object = table.data();  // an object of the class is a pointer to its table
  static const PyInterpreter result(reinterpret_cast<const Calls*>(&object));
  return result;
}

}  // namespace

void keep_errors_in_gpu_trace() {
  const auto* trace = GPUTrace::get_trace();
  if (!trace) return;
  // Whoever switches the trace on again puts upstream's back.
  static const PyInterpreter& guard = guarded(*trace);
  if (trace != &guard) GPUTrace::gpuTraceState.store(&guard, std::memory_order_release);
}

}  // namespace xpu_event_ops
