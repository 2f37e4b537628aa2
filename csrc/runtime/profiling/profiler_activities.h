#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/c10_xpu/trace.h"

namespace libkineto {
struct CpuTraceBuffer;
struct ITraceActivity;
}  // namespace libkineto

/// The runtime log in the terms of Kineto, the library behind torch.profiler.
namespace xpu_runtime::profiler {

/// The operation of the host that has a number; null if the profiler did not keep it.
using FindOperation = std::function<const libkineto::ITraceActivity*(trace::Operation)>;

/// The row of a stream. Kineto has 32 bits for it, and viewers take row 0 for an idle processor.
[[nodiscard]] std::int32_t row_of(c10::StreamId stream) noexcept;

/// Tasks become kernels and copies; records and waits become annotations on the row of their
/// stream, with an arrow from each record to the waits for it. Annotations, because what the
/// profiler sums up as time of the device is work, and not waiting.
///
/// Args:
///   epoch_ns: when the clock of the log was 0, in nanoseconds since the Unix epoch.
[[nodiscard]] std::unique_ptr<libkineto::CpuTraceBuffer> activities_of(
    const trace::Log& log, std::int64_t epoch_ns, const FindOperation& find_operation);

}  // namespace xpu_runtime::profiler
