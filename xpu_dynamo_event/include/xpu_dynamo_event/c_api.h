// SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
// SPDX-License-Identifier: BSD-3-Clause

// Events and streams in C: what C++ code that a compiler generated calls, without Python.
//
// Inductor's `cpp_wrapper` puts this header into the code that it writes; the functions come in a
// table, which `xpu_dynamo_event._native` hands over when the code is loaded (nothing is linked).
// Other C code finds the table in the capsule `xpu_dynamo_event._native._C_FUNCTIONS`.
//
// A function returns 0, or another number when it failed. Then `last_error` of the same thread says
// why, and `throw_last` throws the C++ exception that it was. No function needs the interpreter
// lock, and none but the `synchronize` ones waits for the device.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An event. Threads may use one at the same time. */
typedef struct XpuEventOpaque* XpuEvent;

/* A stream, by value: the numbers that torch knows it by. */
typedef struct {
  int64_t id;
  int64_t device; /* XPU_NO_DEVICE: the stream that is current when it is used */
} XpuStream;

#define XPU_NO_DEVICE (-2)
#define XPU_ANY_DEVICE (-1) /* the current device */

#define XPU_EVENT_TIMED 1 /* a flag of `create` */

#define XPU_EVENT_API_VERSION 1

/* Later releases append. A tensor is an AtenTensorHandle of torch. */
typedef struct {
  uint32_t version;
  uint32_t size;

  int32_t (*create)(uint32_t flags, XpuEvent* event);
  int32_t (*destroy)(XpuEvent event); /* of an event that `create` made */
  int32_t (*record)(XpuEvent event, XpuStream stream);
  int32_t (*wait)(XpuEvent event, XpuStream stream);
  int32_t (*synchronize)(XpuEvent event);
  int32_t (*query)(XpuEvent event, int32_t* is_complete);
  int32_t (*elapsed_time)(XpuEvent start, XpuEvent end, double* milliseconds);

  /* A stream of the pool; a lower priority number goes first. */
  int32_t (*stream_from_pool)(int64_t device, int32_t priority, XpuStream* stream);
  int32_t (*current_stream)(int64_t device, XpuStream* stream);
  int32_t (*set_stream)(XpuStream stream); /* makes its device current, too */
  int32_t (*wait_stream)(XpuStream waiter, XpuStream other);
  int32_t (*synchronize_stream)(XpuStream stream);
  int32_t (*query_stream)(XpuStream stream, int32_t* is_complete);
  int32_t (*synchronize_device)(int64_t device);
  int32_t (*set_device)(int64_t device, int64_t* before);

  /* A new tensor of a number of dimensions, with the codes of torch for its dtype and device. */
  int32_t (*empty_strided)(int64_t dimensions, const int64_t* sizes, const int64_t* strides,
                           int32_t dtype, int32_t device_type, int32_t device, void** tensor);

  /* Keeps the memory of a tensor from reuse until what `stream` has been given is complete. */
  int32_t (*record_stream)(void* tensor, XpuStream stream);

  const char* (*last_error)(void);
  void (*throw_last)(void); /* C++ only */
} XpuEventApi;

#ifdef __cplusplus
}
#endif
