#pragma once

#include <ATen/core/Tensor.h>

namespace xpu_runtime {

/// Tensor.copy_ where one side or both are on the device.
///
/// Asynchronous on the current stream, except that the host waits before it reads: a copy to host
/// memory returns when the data is there, unless `non_blocking` and the memory is pinned. Pageable
/// source memory may be reused at once, pinned memory of a `non_blocking` copy only after the copy.
at::Tensor& copy_(at::Tensor& self, const at::Tensor& source, bool non_blocking);

}  // namespace xpu_runtime
