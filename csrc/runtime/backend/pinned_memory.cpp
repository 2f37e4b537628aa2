#include "runtime/backend/pinned_memory.h"

#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>
#include <c10/xpu/XPUStream.h>

#include <sycl/sycl.hpp>

#include "event/xpu_event.h"
#include "runtime/c10_xpu/fork.h"
#include "runtime/c10_xpu/order_log.h"
#include "runtime/c10_xpu/task_queue.h"

namespace xpu_runtime {
namespace {

using c10::xpu::XPUStream;

struct PinnedAllocatorImpl final : at::CachingHostAllocatorImpl<XPUStream, xpu_event::XPUEvent> {
  void allocate_host_memory(std::size_t size, void** pointer) override {
    *pointer = sycl::malloc_host(size, c10::xpu::get_device_context());
    TORCH_CHECK_WITH(OutOfMemoryError, *pointer, "Out of pinned host memory: the allocation of ",
                     size, " bytes failed.");
  }
  void free_block(at::HostBlock<XPUStream>* block) override {
    if (!in_bad_fork()) sycl::free(block->ptr_, c10::xpu::get_device_context());
  }
  void record_stream(std::optional<std::vector<xpu_event::XPUEvent>>& events,
                     XPUStream stream) override {
    const Submission submission(stream);
    xpu_event::XPUEvent event;
    event.record(stream.queue(), stream.device_index());
    events->push_back(std::move(event));
  }
  bool query_event(xpu_event::XPUEvent& event) override { return event.query(); }
  XPUStream get_current_stream() const override { return c10::xpu::getCurrentXPUStream(); }
  bool stream_is_capturing(XPUStream stream) const override { return stream.is_capturing(); }
};

void free_pinned(void* context);

using PinnedAllocator = at::CachingHostAllocatorInterface<PinnedAllocatorImpl, &free_pinned>;

PinnedAllocator& instance() {
  static auto* allocator = new PinnedAllocator;  // outlives every tensor
  return *allocator;
}

void free_pinned(void* context) {
  if (in_bad_fork()) return;
  // Handed out again only when the copies recorded for it are over.
  if (context && order_log::enabled()) {
    const auto& block = *static_cast<const at::HostBlock<XPUStream>*>(context);
    order_log::add_bare({.op = order_log::Op::free_host,
                         .address = reinterpret_cast<std::uintptr_t>(block.ptr_),
                         .bytes = block.size_});
  }
  instance().free(context);
}

}  // namespace

at::HostAllocator* pinned_allocator() { return &instance(); }

bool is_pinned(const void* pointer) noexcept {
  if (!pointer || in_bad_fork() || c10::xpu::device_count() == 0) return false;
  try {
    return sycl::get_pointer_type(pointer, c10::xpu::get_device_context()) ==
           sycl::usm::alloc::host;
  } catch (const sycl::exception&) {
    return false;
  }
}

}  // namespace xpu_runtime
