#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "runtime/c10_xpu/stream_state.h"

namespace xpu_runtime {

/// A piece of a segment: in use, or free for later work of `stream`.
///
/// Each owns the one behind it, and MemoryCache the first of each segment. Other pointers to a
/// block are valid until it is free: then it may become part of the one before it.
struct Block {
  bool is_small;        // its segment is one of small blocks
  StreamState* stream;  // the stream whose order makes reuse safe
  std::uintptr_t address;
  std::size_t size;
  std::size_t requested = 0;
  bool allocated = false;
  Block* previous = nullptr;  // neighbours within the segment
  std::unique_ptr<Block> next{};
  std::vector<StreamState*> other_streams{};  // recorded with record_stream
  int unfinished_uses = 0;                    // of those streams, after the block was given back

  [[nodiscard]] void* pointer() const noexcept { return reinterpret_cast<void*>(address); }
  [[nodiscard]] bool is_free() const noexcept { return !allocated && unfinished_uses == 0; }
  [[nodiscard]] bool is_whole_segment() const noexcept { return !previous && !next; }

  /// Becomes two blocks: this one, of `first_size`, and one behind it, which it returns.
  Block* split(std::size_t first_size) {
    auto rest = std::make_unique<Block>(is_small, stream, address + first_size, size - first_size);
    rest->previous = this;
    rest->next = std::move(next);
    if (rest->next) rest->next->previous = rest.get();
    next = std::move(rest);
    size = first_size;
    return next.get();
  }

  /// Takes over the block behind it, which ends.
  void absorb_next() noexcept {
    const auto absorbed = std::move(next);
    size += absorbed->size;
    next = std::move(absorbed->next);
    if (next) next->previous = this;
  }
};

}  // namespace xpu_runtime
