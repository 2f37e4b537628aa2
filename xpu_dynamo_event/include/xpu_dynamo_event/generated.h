// SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
// SPDX-License-Identifier: BSD-3-Clause

// How C++ that Inductor writes (`cpp_wrapper`) calls the C interface. This header is part of that
// code, behind c_api.h.
#pragma once

#include <torch/csrc/inductor/aoti_torch/c/shim.h>

#include <cstring>

#include "c_api.h"

namespace {
const XpuEventApi* xpu_event = nullptr;
const XpuStream xpu_current{0, XPU_NO_DEVICE};

inline void xpu_check(int32_t code) {
  if (code != 0) xpu_event->throw_last();
}

[[maybe_unused]] XpuStream xpu_current_stream(int64_t device) {
  XpuStream stream;
  xpu_check(xpu_event->current_stream(device, &stream));
  return stream;
}

// As torch's function of that name, but with the error that it was: out of memory.
[[maybe_unused]] int32_t xpu_empty_strided(int64_t dimensions, const int64_t* sizes,
                                           const int64_t* strides, int32_t dtype,
                                           int32_t device_type, int32_t device,
                                           AtenTensorHandle* tensor) {
  xpu_check(xpu_event->empty_strided(dimensions, sizes, strides, dtype, device_type, device,
                                     reinterpret_cast<void**>(tensor)));
  return 0;
}
#define aoti_torch_empty_strided xpu_empty_strided

// Makes a device current, and at its end the one that was so before.
struct XpuDeviceGuard {
  explicit XpuDeviceGuard(int64_t device) { xpu_check(xpu_event->set_device(device, &before)); }
  ~XpuDeviceGuard() { xpu_event->set_device(before, nullptr); }
  int64_t before = 0;
};

// An operand that is no tensor: what is in its slot, which is empty then.
template <class T>
T xpu_take(AtenTensorHandle& slot) {
  T value;
  static_assert(sizeof(value) == sizeof(slot));
  std::memcpy(&value, &slot, sizeof(value));
  slot = nullptr;
  return value;
}
}  // namespace

extern "C" __attribute__((visibility("default"))) void xpu_event_bind(
    const XpuEventApi* functions) {
  xpu_event = functions;
}
