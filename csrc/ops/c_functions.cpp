#include "ops/c_functions.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_strided.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <torch/csrc/inductor/aoti_torch/utils.h>

#include <exception>
#include <string>
#include <utility>

#include "ops/c_api.h"
#include "ops/event_state.h"
#include "ops/profiler_range.h"

namespace xpu_event_ops {
namespace {

struct LastError {
  std::exception_ptr error;
  std::string text;
};

LastError& last() {
  thread_local LastError known;
  return known;
}

// Runs `body`; keeps what it throws.
template <class Body>
int32_t code_of(Body body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error& error) {
    last() = {std::current_exception(), error.what_without_backtrace()};
  } catch (const std::exception& error) {
    last() = {std::current_exception(), error.what()};
  } catch (...) {
    last() = {std::current_exception(), "unknown error"};
  }
  return 1;
}

c10::impl::VirtualGuardImpl device_guard() { return c10::impl::VirtualGuardImpl(c10::kXPU); }

c10::Device device_at(int64_t index) {
  if (index == XPU_ANY_DEVICE) return device_guard().getDevice();
  const auto count = device_guard().deviceCount();
  TORCH_CHECK_VALUE(index >= 0 && index < count, "There is no xpu device ", index, "; there are ",
                    static_cast<int>(count), ".");
  return {c10::kXPU, static_cast<c10::DeviceIndex>(index)};
}

c10::Stream torch_stream(XpuStream stream) {
  if (stream.device == XPU_NO_DEVICE) return current_stream();
  return c10::Stream::unpack3(stream.id, device_at(stream.device).index(), c10::kXPU);
}

XpuEventOpaque& checked(XpuEvent event) {
  TORCH_CHECK_VALUE(event != nullptr, "An event is a null pointer. Make one with create().");
  return *event;
}

c10::Event& state_of(XpuEventOpaque& event) {
  if (auto* object = std::get_if<EventOperand>(&event.event)) return object->base();
  return std::get<c10::Event>(event.event);
}

// What is done to the event of a Python object, and what to one of its own.
template <class OfObject, class OfState>
auto with(XpuEventOpaque& event, OfObject of_object, OfState of_state) {
  if (auto* object = std::get_if<EventOperand>(&event.event)) return of_object(*object);
  return of_state(std::get<c10::Event>(event.event));
}

double ms_between(XpuEventOpaque& start, XpuEventOpaque& end) {
  const auto* first = std::get_if<EventOperand>(&start.event);
  const auto* second = std::get_if<EventOperand>(&end.event);
  if (first != nullptr && second != nullptr) return EventOperand::elapsed_ms(*first, *second);
  return elapsed_ms(state_of(start), state_of(end));
}

int32_t create(uint32_t flags, XpuEvent* event) {
  return code_of([&] {
    TORCH_CHECK_VALUE((flags & ~XPU_EVENT_TIMED) == 0,
                      "The flags of an event are 0 or XPU_EVENT_TIMED (1), not ", flags, ".");
    const auto flag = (flags & XPU_EVENT_TIMED) != 0 ? c10::EventFlag::BACKEND_DEFAULT
                                                     : c10::EventFlag::PYTORCH_DEFAULT;
    *event = new XpuEventOpaque{c10::Event(c10::kXPU, flag)};
  });
}

int32_t destroy(XpuEvent event) {
  return code_of([&] { delete event; });
}

int32_t record_event(XpuEvent event, XpuStream stream) {
  return code_of([&] {
    const auto on = torch_stream(stream);
    const ProfilerRange range("xpu_event::record", state_of(checked(event)), on);
    with(*event, [&](auto& object) { object.record(on); }, [&](auto& state) { record(state, on); });
  });
}

int32_t wait_for_event(XpuEvent event, XpuStream stream) {
  return code_of([&] {
    const auto on = torch_stream(stream);
    const ProfilerRange range("xpu_event::wait", state_of(checked(event)), on);
    with(*event, [&](auto& object) { object.wait(on); }, [&](auto& state) { wait(state, on); });
  });
}

int32_t synchronize_event(XpuEvent event) {
  return code_of([&] {
    const ProfilerRange range("xpu_event::synchronize", state_of(checked(event)));
    with(
        *event, [](auto& object) { object.synchronize(); },
        [](auto& state) { synchronize(state); });
  });
}

int32_t query_event(XpuEvent event, int32_t* is_complete) {
  return code_of([&] {
    const ProfilerRange range("xpu_event::query", state_of(checked(event)));
    *is_complete = with(
                       *event, [](auto& object) { return object.query(); },
                       [](auto& state) { return query(state); })
                       ? 1
                       : 0;
  });
}

int32_t elapsed_time(XpuEvent start, XpuEvent end, double* milliseconds) {
  return code_of([&] {
    const ProfilerRange range("xpu_event::elapsed_time", state_of(checked(start)));
    *milliseconds = ms_between(*start, checked(end));
  });
}

int32_t stream_from_pool(int64_t device, int32_t priority, XpuStream* stream) {
  return code_of(
      [&] { *stream = c_stream(device_guard().getNewStream(device_at(device), priority)); });
}

int32_t current_stream_of(int64_t device, XpuStream* stream) {
  return code_of([&] { *stream = c_stream(device_guard().getStream(device_at(device))); });
}

int32_t set_stream(XpuStream stream) {
  return code_of([&] {
    const auto next = torch_stream(stream);
    const ProfilerRange range("xpu_event::set_stream", next);
    set_current_stream(next);
  });
}

int32_t wait_for_stream(XpuStream waiter, XpuStream other) {
  return code_of([&] {
    const auto later = torch_stream(waiter);
    const ProfilerRange range("xpu_event::wait_stream", later);
    wait_stream(later, torch_stream(other));
  });
}

int32_t synchronize_with_stream(XpuStream stream) {
  return code_of([&] {
    const auto waited = torch_stream(stream);
    const ProfilerRange range("xpu_event::synchronize_stream", waited);
    synchronize_stream(waited);
  });
}

int32_t query_of_stream(XpuStream stream, int32_t* is_complete) {
  return code_of([&] { *is_complete = query_stream(torch_stream(stream)) ? 1 : 0; });
}

int32_t synchronize_with_device(int64_t device) {
  return code_of([&] {
    const ProfilerRange range("xpu_event::synchronize_device");
    synchronize_device(device);
  });
}

int32_t set_device(int64_t device, int64_t* before) {
  return code_of([&] {
    const auto guard = device_guard();
    const auto previous = guard.getDevice();
    guard.setDevice(device_at(device));
    // NOLINTNEXTLINE(bugprone-signed-char-misuse): it is a number.
    if (before != nullptr) *before = previous.index();
  });
}

int32_t empty_strided(int64_t dimensions, const int64_t* sizes, const int64_t* strides,
                      int32_t dtype, int32_t device_type, int32_t device, void** tensor) {
  return code_of([&] {
    const auto count = static_cast<size_t>(dimensions);
    const auto options = at::device({static_cast<c10::DeviceType>(device_type),
                                     static_cast<c10::DeviceIndex>(device)})
                             .dtype(static_cast<c10::ScalarType>(dtype));
    *tensor = torch::aot_inductor::new_tensor_handle(
        at::empty_strided({sizes, count}, {strides, count}, options));
  });
}

int32_t record_stream_of(void* tensor, XpuStream stream) {
  return code_of([&] {
    TORCH_CHECK_VALUE(tensor != nullptr, "record_stream() got a null pointer for a tensor.");
    const auto* known =
        torch::aot_inductor::tensor_handle_to_tensor_pointer(static_cast<AtenTensorHandle>(tensor));
    if (known->is_xpu() && known->has_storage()) {
      record_stream(known->storage().data_ptr(), torch_stream(stream));
    }
  });
}

const char* last_error() { return last().text.c_str(); }

// Lets go of the error: it may hold Python objects, and the thread may end without Python.
void throw_last() { std::rethrow_exception(std::exchange(last().error, nullptr)); }

constexpr XpuEventApi kFunctions{.version = XPU_EVENT_API_VERSION,
                                 .size = sizeof(XpuEventApi),
                                 .create = &create,
                                 .destroy = &destroy,
                                 .record = &record_event,
                                 .wait = &wait_for_event,
                                 .synchronize = &synchronize_event,
                                 .query = &query_event,
                                 .elapsed_time = &elapsed_time,
                                 .stream_from_pool = &stream_from_pool,
                                 .current_stream = &current_stream_of,
                                 .set_stream = &set_stream,
                                 .wait_stream = &wait_for_stream,
                                 .synchronize_stream = &synchronize_with_stream,
                                 .query_stream = &query_of_stream,
                                 .synchronize_device = &synchronize_with_device,
                                 .set_device = &set_device,
                                 .empty_strided = &empty_strided,
                                 .record_stream = &record_stream_of,
                                 .last_error = &last_error,
                                 .throw_last = &throw_last};

}  // namespace

const XpuEventApi& c_functions() { return kFunctions; }

PyObject* c_functions_capsule() {
  return PyCapsule_New(const_cast<XpuEventApi*>(&kFunctions),
                       "xpu_dynamo_event._native._C_FUNCTIONS", nullptr);
}

XpuStream c_stream(const c10::Stream& stream) { return {stream.id(), stream.device_index()}; }

}  // namespace xpu_event_ops
