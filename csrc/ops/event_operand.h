// The event that an op or a method was called with.
#pragma once

#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <torch/csrc/python_headers.h>

#include <sycl/sycl.hpp>

namespace xpu_event_ops {

// The state of an event is the c10::Event in its base, torch.Event. One class leaves that all zeros
// and has a second state beside it: torch.xpu.Event of a torch with XPU. Only the C methods of the
// class reach that state, so these functions call them, past what a subclass overrides. The methods
// need the GIL, which is taken for the call; no Python code runs.
//
// As in event_state.h: calls of different threads are safe, and all but `synchronize` return
// without waiting for the device.
class EventOperand {
 public:
  // `object` is borrowed. Raises TypeError naming `where` and what was given.
  EventOperand(PyObject* object, const char* where);

  void record(const c10::Stream& stream) const;
  void wait(const c10::Stream& stream) const;
  [[nodiscard]] bool query() const;
  void synchronize() const;

  // Milliseconds between two timed, recorded and completed events, of one kind or of both.
  [[nodiscard]] static double elapsed_ms(const EventOperand& start, const EventOperand& end);

  // The native event, shared; a complete one if the event was never recorded.
  [[nodiscard]] sycl::event native() const;

  // The c10::Event in its base, which is its state or all zeros.
  [[nodiscard]] c10::Event& base() const;

 private:
  [[nodiscard]] bool has_own_state() const;

  PyObject* object_;
};

// Says that events of the type `base`, torch._C._XpuEventBase, have a second state. Keeps a
// reference to the type until the process ends. Returns false with a Python error set if the type
// lacks a method of an event.
[[nodiscard]] bool set_class_with_own_state(PyObject* base);

}  // namespace xpu_event_ops
