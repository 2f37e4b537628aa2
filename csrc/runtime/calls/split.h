#pragma once

#include <c10/util/FunctionRef.h>

#include <cstdint>

/// Large products on several processors: idle workers of the device compute a part of the rows
/// each. Teams of OpenMP would be one per worker, and members that wait keep the processors busy
/// (docs/performance.md).
namespace xpu_runtime {

/// Calls `part(begin, count)` for parts of `rows`, at the same time where the work is large and
/// processors are free, else once for all. Rethrows the first exception.
///
/// Args:
///   multiplications: what all the work amounts to.
void in_parts(std::int64_t rows, double multiplications,
              c10::function_ref<void(std::int64_t begin, std::int64_t count)> part);

}  // namespace xpu_runtime
