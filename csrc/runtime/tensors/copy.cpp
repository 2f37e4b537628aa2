#include "runtime/tensors/copy.h"

#include <ATen/MemoryOverlap.h>
#include <ATen/ops/_local_scalar_dense.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUCachingAllocator.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/library.h>

#include "runtime/backend/pinned_memory.h"
#include "runtime/backend/recorded_event.h"
#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/c10_xpu/trace.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"
#include "runtime/tensors/factories.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::xpu::XPUStream;

bool is_pinned_tensor(const Tensor& tensor) { return is_pinned(tensor.storage().data()); }

const char* name_of_copy(const Tensor& to, const Tensor& from) {
  if (!from.is_xpu())
    return is_pinned_tensor(from) ? "copy_ pinned host to device" : "copy_ host to device";
  if (!to.is_xpu())
    return is_pinned_tensor(to) ? "copy_ device to pinned host" : "copy_ device to host";
  return to.device() == from.device() ? "copy_" : "copy_ device to device";
}

// Work of the host on memory of `stream`, which is idle.
void run_here(const XPUStream& stream, const Tensor& to, const Tensor& from) {
  const auto begin_ns = trace::begin_ns();
  cpu_alias(to).copy_(cpu_alias(from));
  if (begin_ns || order_log::enabled()) [[unlikely]]
    order_log::add_host_work(stream, name_of_copy(to, from), order_log::accesses_of_copy(to, from),
                             begin_ns);
}

// Pinned memory of a copy on `stream`. Its allocator hands it out again after the copy, whatever
// the program does with the tensor and its storage meanwhile; memory of other origin is owned.
Tensor pinned_side(const Tensor& tensor, const XPUStream& stream) {
  const auto& data = tensor.storage().data_ptr();
  const bool is_kept =
      pinned_allocator()->record_event(data.get(), data.get_context(), stream.unwrap());
  return is_kept ? memory_of(tensor) : without_python(tensor);
}

void enqueue_copy(const XPUStream& stream, const char* name, Tensor to, Tensor from) {
  auto accesses = order_log::accesses_of_copy(to, from);
  enqueue(
      stream, name, [to = std::move(to), from = std::move(from)] { to.copy_(from); },
      std::move(accesses));
}

void copy_to_device(const Tensor& to, const Tensor& from, bool non_blocking) {
  const auto stream = c10::xpu::getCurrentXPUStream(to.device().index());
  const bool asynchronous = non_blocking && is_pinned_tensor(from);
  if (!asynchronous && is_idle(stream)) return run_here(stream, to, from);
  const bool pinned = asynchronous || is_pinned_tensor(from);
  // Other memory is staged, as drivers do it, so that the caller need not wait for the work before.
  enqueue_copy(stream, name_of_copy(to, from), cpu_alias(to),
               pinned ? pinned_side(from, stream) : from.clone());
  if (pinned && !asynchronous) synchronize(stream);
}

void copy_to_host(const Tensor& to, const Tensor& from, bool non_blocking) {
  const auto stream = c10::xpu::getCurrentXPUStream(from.device().index());
  if (non_blocking && is_pinned_tensor(to))
    return enqueue_copy(stream, name_of_copy(to, from), pinned_side(to, stream), cpu_alias(from));
  synchronize(stream);
  run_here(stream, to, from);
}

// Runs on the source's stream, after and before the work of the target's stream as issued.
void copy_on_devices(const Tensor& to, const Tensor& from) {
  const auto source_stream = c10::xpu::getCurrentXPUStream(from.device().index());
  const auto target_stream = c10::xpu::getCurrentXPUStream(to.device().index());
  const bool across = source_stream != target_stream;
  if (across) wait_for(source_stream, target_stream);
  enqueue_copy(source_stream, name_of_copy(to, from), cpu_alias(to), cpu_alias(from));
  if (across) wait_for(target_stream, source_stream);
}

// Warns, and the warning belongs to the caller's thread.
void copy_complex_to_real(const Tensor& to, const Tensor& from) {
  for (const auto& tensor : {to, from})
    if (tensor.is_xpu()) synchronize(c10::xpu::getCurrentXPUStream(tensor.device().index()));
  const auto device = (to.is_xpu() ? to : from).device();
  run_here(c10::xpu::getCurrentXPUStream(device.index()), to, from);
}

void check_device(const Tensor& tensor) {
  TORCH_CHECK(tensor.is_xpu() || tensor.is_cpu(), "copy_ between the xpu device and '",
              tensor.device(), "' is not supported; copy by way of the CPU.");
  TORCH_CHECK(tensor.layout() == at::kStrided,
              "copy_ on the xpu device supports strided tensors only, but got a tensor of layout ",
              tensor.layout(), ".");
}

Tensor copy_from(const Tensor& self, const Tensor& to, bool non_blocking) {
  Tensor target = to;
  return copy_(target, self, non_blocking);
}

Tensor copy_from_and_resize(const Tensor& self, const Tensor& to) {
  to.resize_(self.sizes());
  return copy_from(self, to, /*non_blocking=*/false);
}

at::Scalar local_scalar_dense(const Tensor& self) {
  TORCH_INTERNAL_ASSERT(!WithoutMemory::here(), "a shape function reads a value");
  const auto stream = c10::xpu::getCurrentXPUStream(self.device().index());
  synchronize(stream);
  const auto begin_ns = trace::begin_ns();
  const CleanDispatch dispatch;
  const auto value = at::_local_scalar_dense(cpu_alias(self));
  order_log::Accesses accesses;
  order_log::add_access(accesses, self, /*is_write=*/false);
  order_log::add_host_work(stream, "aten::_local_scalar_dense", std::move(accesses), begin_ns);
  return value;
}

void record_stream(Tensor& self, at::Stream stream) {
  TORCH_CHECK(stream.device_type() == c10::kXPU, "record_stream: the tensor is on ", self.device(),
              ", so it needs an XPU stream, but got ", stream, ".");
  c10::xpu::XPUCachingAllocator::recordStream(self.storage().data_ptr(), XPUStream(stream));
}

}  // namespace

Tensor& copy_(Tensor& self, const Tensor& source, bool non_blocking) {
  if (self.is_same(source)) return self;
  check_device(self);
  check_device(source);
  const Tensor from = self.sizes() == source.sizes() ? source : source.expand(self.sizes());
  if (self.numel() == 0 || WithoutMemory::here()) return self;
  at::assert_no_internal_overlap(self);
  const CleanDispatch dispatch;
  if (from.is_complex() && !self.is_complex())
    copy_complex_to_real(self, from);
  else if (!self.is_xpu())
    copy_to_host(self, from, non_blocking);
  else if (!from.is_xpu())
    copy_to_device(self, from, non_blocking);
  else
    copy_on_devices(self, from);
  return self;
}

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("copy_", copy_);
  m.impl("_copy_from", copy_from);
  m.impl("_copy_from_and_resize", copy_from_and_resize);
  m.impl("_local_scalar_dense", local_scalar_dense);
  m.impl("record_stream", record_stream);
}

}  // namespace xpu_runtime
