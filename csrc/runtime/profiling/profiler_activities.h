#pragma once

// Kineto's headers format text; without this they need a library that torch does not export.
#define FMT_HEADER_ONLY
#include <kineto/libkineto.h>
#include <kineto/output_base.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "runtime/c10_xpu/trace.h"

/// The runtime log in the terms of Kineto, the library behind torch.profiler.
namespace xpu_runtime::profiler {

/// A row of the picture. Kineto has 32 bits for its number; 0 is an idle processor to viewers.
using Row = std::pair<c10::DeviceIndex, std::int32_t>;

struct Activities {
  std::unique_ptr<libkineto::CpuTraceBuffer> buffer = std::make_unique<libkineto::CpuTraceBuffer>();
  std::map<Row, std::string> rows;
};

/// Tasks become kernels, copies and fills; records become annotations, and waits synchronisation,
/// on the row of their stream or of the host, with an arrow from each record to the waits for it.
/// Names and categories are those that Kineto has for CUDA, because tools go by them.
///
/// Args:
///   epoch_ns: when the clock of the log was 0, in nanoseconds since the Unix epoch.
///   find_operation: the operation of the host that has a number; null if it was not kept.
[[nodiscard]] Activities activities_of(const trace::Log& log, std::int64_t epoch_ns,
                                       const libkineto::getLinkedActivityCallback& find_operation);

}  // namespace xpu_runtime::profiler
