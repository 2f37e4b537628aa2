// Ranges in torch.profiler for event ops that are called without the dispatcher, which makes its
// own.
#pragma once

#include <ATen/record_function.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <memory>

namespace xpu_event_ops {

// A range from here to the end of the scope, with the native event (0 before its first record), the
// stream and the device as arguments. Without a profiler it costs what every operator of torch
// pays: a look at whether the thread has observers.
class ProfilerRange {
 public:
  explicit ProfilerRange(const char* name) : range_(begin(name, nullptr, nullptr)) {}
  ProfilerRange(const char* name, const c10::Event& event) : range_(begin(name, &event, nullptr)) {}
  ProfilerRange(const char* name, const c10::Stream& stream)
      : range_(begin(name, nullptr, &stream)) {}
  ProfilerRange(const char* name, const c10::Event& event, const c10::Stream& stream)
      : range_(begin(name, &event, &stream)) {}

 private:
  using Range = std::unique_ptr<at::RecordFunction>;

  // Null if there are no observers.
  static Range begin(const char* name, const c10::Event* event, const c10::Stream* stream);

  Range range_;
};

}  // namespace xpu_event_ops
