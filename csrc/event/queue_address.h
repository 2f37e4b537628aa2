#pragma once

#include <cstdint>

#include <sycl/queue.hpp>

namespace xpu_event {

/// Whether a `sycl::queue` or `sycl::event` of the SYCL library that `known` is of lives at an
/// address. Touches nothing that is not mapped; memory that holds another one by now is not
/// noticed.
[[nodiscard]] bool is_alive(std::uintptr_t address, const sycl::queue& known);

/// The queue at an address that came as a number, from a program in another language.
///
/// Args:
///   address: of a `sycl::queue`.
///   known: any queue that is alive, to compare with.
///
/// Raises:
///   Error: null, not aligned, or no queue there (is_alive), as after the end of its life.
[[nodiscard]] sycl::queue& queue_at(std::uintptr_t address, const sycl::queue& known);

/// Raises:
///   Error: `queue` cannot serve as a stream next to `ours`: out of order, of another device, or of
///     another context, whose memory it could not use.
void check_is_usable(const sycl::queue& queue, const sycl::queue& ours);

}  // namespace xpu_event
