#pragma once

#include <c10/macros/Export.h>

#include <atomic>
#include <cstdint>

/// Deliberate faults, to see whether the tests find them (fuzz/faults). They exist in
/// development builds, with XPU_RUNTIME_FAULTS, and are off unless switched on.
namespace xpu_runtime::faults {

enum class Fault : std::uint8_t {
  none,
  wait_elided,        ///< every third wait does nothing
  record_stale,       ///< recording an event again keeps the earlier point
  use_forgotten,      ///< the allocator does not note uses on other streams
  hold_ends_early,    ///< the allocator takes unfinished uses for finished
  event_always_done,  ///< query and synchronize take every event for complete
};

#ifdef XPU_RUNTIME_FAULTS

C10_EXPORT inline std::atomic<Fault> active{Fault::none};
[[nodiscard]] inline bool is_on(Fault fault) noexcept { return active.load() == fault; }

#else

[[nodiscard]] constexpr bool is_on(Fault /*fault*/) noexcept { return false; }

#endif

}  // namespace xpu_runtime::faults
