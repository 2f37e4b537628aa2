#pragma once

#include <cstdint>

#include <sycl/queue.hpp>

namespace xpu_event {

/// Whether a `sycl::queue` or `sycl::event` lives at an address, one of the same SYCL library as
/// `known`. Touches only mapped memory. Does not notice if another one lives there by now.
[[nodiscard]] bool is_alive(std::uintptr_t address, const sycl::queue& known);

/// The queue at an address that came as a number, from a program in another language.
///
/// Args:
///   address: of a `sycl::queue`.
///   known: any queue that is alive, to compare with.
///
/// Raises:
///   Error: null, not aligned, or no queue there (is_alive), for example because it was destroyed.
[[nodiscard]] sycl::queue& queue_at(std::uintptr_t address, const sycl::queue& known);

/// Raises:
///   Error: `queue` cannot be a stream next to `ours`: it is out of order, or of another device, or
///     of another context, so it could not use the memory of `ours`.
void check_is_usable(const sycl::queue& queue, const sycl::queue& ours);

}  // namespace xpu_event
