#pragma once

#include <sycl/event.hpp>

namespace xpu_event {

/// How the implementation of a device keeps the native event that a `c10::Event` points to.
///
/// For code that does not know the implementation or its types. `recording` is the pointer that the
/// device guard gave the `c10::Event` at its first record.
struct NativeEvents {
  /// A copy of the native event, also while another thread records.
  sycl::event (*share)(void* recording);
  /// Replaces what was recorded by `event`.
  void (*adopt)(void* recording, const sycl::event& event, int device_index);
};

}  // namespace xpu_event
