#include "runtime/tensors/accesses.h"

#include <utility>

#include "runtime/backend/pinned_memory.h"
#include "runtime/c10_xpu/allocator.h"
#include "runtime/c10_xpu/trace.h"

namespace xpu_runtime::order_log {

void add_access(Accesses& accesses, const at::Tensor& tensor, bool is_write) {
  if (!enabled() || !tensor.defined() || !tensor.has_storage() || tensor.numel() == 0) return;
  const auto* data = static_cast<const char*>(tensor.storage().data());
  if (!data) return;
  const auto item = static_cast<std::int64_t>(tensor.itemsize());
  accesses.push_back({reinterpret_cast<std::uintptr_t>(data + tensor.storage_offset() * item), item,
                      tensor.sizes().vec(), tensor.strides().vec(), is_write});
}

Accesses accesses_of_copy(const at::Tensor& to, const at::Tensor& from) {
  Accesses accesses;
  if (!enabled()) return accesses;
  // Nothing but a copy touches other memory of the host.
  for (const auto& [tensor, is_write] : {std::pair(from, false), std::pair(to, true)}) {
    const auto* data = tensor.storage().data();
    if (device_of_allocation(data) || is_pinned(data)) add_access(accesses, tensor, is_write);
  }
  return accesses;
}

void add_host_work(const c10::xpu::XPUStream& stream, const char* name, Accesses accesses,
                   std::int64_t begin_ns) {
  if (begin_ns)
    trace::add_finished(
        {trace::Op::task, stream, begin_ns, trace::current_operation(), begin_ns, name});
  if (!enabled()) return;
  add({.op = Op::task, .name = name, .stream = stream, .accesses = std::move(accesses)});
  add_bare({.op = Op::finish_stream, .stream = stream});
}

}  // namespace xpu_runtime::order_log
