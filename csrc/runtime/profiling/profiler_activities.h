#pragma once

// Kineto's headers format text; without this they need a library that torch does not export.
#define FMT_HEADER_ONLY
#include <kineto/libkineto.h>
#include <kineto/output_base.h>

#include <cstdint>
#include <memory>

#include "runtime/c10_xpu/trace.h"

/// The runtime log in the terms of Kineto, the library behind torch.profiler.
namespace xpu_runtime::profiler {

/// The row of a stream. Kineto has 32 bits for it, and viewers take row 0 for an idle processor.
[[nodiscard]] std::int32_t row_of(c10::StreamId stream) noexcept;

/// Tasks become kernels and copies; records and waits become annotations on the row of their
/// stream, with an arrow from each record to the waits for it. Annotations, because what the
/// profiler sums up as time of the device is work, and not waiting.
///
/// Args:
///   epoch_ns: when the clock of the log was 0, in nanoseconds since the Unix epoch.
///   find_operation: the operation of the host that has a number; null if it was not kept.
[[nodiscard]] std::unique_ptr<libkineto::CpuTraceBuffer> activities_of(
    const trace::Log& log, std::int64_t epoch_ns,
    const libkineto::getLinkedActivityCallback& find_operation);

}  // namespace xpu_runtime::profiler
