#pragma once

#include <ATen/core/Tensor.h>
#include <c10/xpu/XPUStream.h>

#include "runtime/c10_xpu/order_log.h"

/// The memory of tensors, for the order log.
namespace xpu_runtime::order_log {

/// Adds the memory of `tensor`; nothing if it has none, or when the log is off.
void add_access(Accesses& accesses, const at::Tensor& tensor, bool is_write);

/// What a copy touches; empty when the log is off.
[[nodiscard]] Accesses accesses_of_copy(const at::Tensor& to, const at::Tensor& from);

/// Logs work that the host did since `begin_ns` with `stream` idle; also in the runtime log.
void add_host_work(const c10::xpu::XPUStream& stream, const char* name, Accesses accesses,
                   std::int64_t begin_ns);

}  // namespace xpu_runtime::order_log
