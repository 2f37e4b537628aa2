#pragma once

#include <c10/util/Synchronized.h>
#include <c10/xpu/XPUStream.h>

#include <cstdint>

#include "event/xpu_event.h"

namespace xpu_runtime {

/// What a `c10::Event` of this device points to: an event, and which work of which stream it
/// covers, so that waiting for it reports the errors of that work and no others.
class RecordedEvent {
 public:
  explicit RecordedEvent(bool enable_timing) noexcept : event_(enable_timing) {}

  void record(const c10::xpu::XPUStream& stream);
  /// Takes over an event that was recorded elsewhere, on a queue that this runtime does not know.
  void adopt(const sycl::event& event, int device_index);
  void wait(const c10::xpu::XPUStream& stream) const;
  [[nodiscard]] bool query() const;
  void synchronize() const;
  [[nodiscard]] const xpu_event::XPUEvent& event() const noexcept { return event_; }

 private:
  struct Coverage {
    c10::StreamId stream = 0;
    std::uint64_t tasks = 0;
  };
  void log_finished() const;

  // First, because code that has the pointer uses it as an XPUEvent*, or as a sycl::event*.
  xpu_event::XPUEvent event_;
  c10::Synchronized<Coverage> coverage_;
};

/// Makes later work of `waiting` run after everything that `awaited` was given so far. Never blocks
/// the host.
void wait_for(const c10::xpu::XPUStream& waiting, const c10::xpu::XPUStream& awaited);

}  // namespace xpu_runtime
