#pragma once

#include <cstdint>
#include <optional>

/// How a number (`c10::StreamId`) names a stream of the device, or a queue of somebody else.
///
/// There are two ways. Ours, and that of torch's own XPU, which the runtime takes over where it
/// stands in for such a torch (docs/intel-gpu.md). What is outside of the runtime must know
/// neither: it would work here and fail there.
///
///                        ours                        upstream's
///   the default stream   0                           499, the last one of the normal pool
///   a stream of a pool   odd, counted from 1 on      odd: last bit 1, 3 bits rank, 5 bits index
///   an external stream   the address of its queue    the same; addresses are even
///   0                    the default stream          an external stream with a null pointer
namespace xpu_stream_ids {

inline constexpr int kStreamsPerPool = 32;
inline constexpr int kPriorities = 3;
/// The rank of a pool, and its index: 0 low (priority 1), 1 normal (0), 2 high (-1).
inline constexpr int kNormalRank = 1;
/// Places for the streams of a device: one that only our default stream has, then the pools.
inline constexpr int kPlaces = 1 + kPriorities * kStreamsPerPool;

/// From here on streams are numbered as torch's own XPU does. For before the first stream.
__attribute__((visibility("default"))) void number_as_upstream() noexcept;

[[nodiscard]] __attribute__((visibility("default"))) bool are_upstreams() noexcept;

/// The stream that a new thread begins on.
[[nodiscard]] std::int64_t default_id() noexcept;

/// Args:
///   index: from 0 on, below `kStreamsPerPool`.
[[nodiscard]] std::int64_t pool_id(int rank, int index) noexcept;

/// The rank of a stream of the device; nothing for an external one, and for a number that is none.
[[nodiscard]] std::optional<int> rank_of(std::int64_t id) noexcept;

/// Where a stream of the device is kept; nothing for an external one, and for a number that is none
/// or, as upstream, one of low priority: `XPUStream::queue()` there raises "Unrecognized stream".
[[nodiscard]] std::optional<int> place_of(std::int64_t id) noexcept;

[[nodiscard]] int rank_of_place(int place) noexcept;

/// Whether it is the address of somebody else's queue.
[[nodiscard]] __attribute__((visibility("default"))) bool is_external(std::int64_t id) noexcept;

}  // namespace xpu_stream_ids
