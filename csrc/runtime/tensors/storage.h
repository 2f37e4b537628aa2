#pragma once

#include <c10/core/StorageImpl.h>

namespace xpu_runtime {

enum class Contents : bool { discard, keep };

/// Gives an XPU storage room for `bytes`, if it has less. Asynchronous, on the current stream.
void grow_storage(c10::StorageImpl& storage, std::size_t bytes, Contents contents);

}  // namespace xpu_runtime
