#pragma once

#include <cstdint>

#include <sycl/queue.hpp>

namespace xpu_event {

/// The queue at an address that came as a number, from a program in another language.
///
/// Args:
///   address: of a `sycl::queue`.
///   known: any queue that is alive, to compare with.
///
/// Raises:
///   Error: null, not aligned, or no queue there, as after the end of its life. The last is found
///     out from what is left in memory, without touching what is not mapped: memory that holds
///     another queue by now is not noticed.
[[nodiscard]] sycl::queue& queue_at(std::uintptr_t address, const sycl::queue& known);

/// Raises:
///   Error: `queue` cannot serve as a stream next to `ours`: out of order, of another device, or of
///     another context, whose memory it could not use.
void check_is_usable(const sycl::queue& queue, const sycl::queue& ours);

}  // namespace xpu_event
