#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>

namespace xpu_runtime {

/// Whether an alias keeps the memory it shows alive.
///
/// `no` is right for a task: the allocator is stream-ordered, so a block freed after the task was
/// submitted is reused only by later work of the same stream. `yes` is for aliases that may live
/// longer than the call, or whose memory belongs to another stream.
enum class Hold : bool { no, yes };

/// A CPU tensor over the memory of an XPU tensor: same sizes, strides, offset, dtype, conjugate and
/// negative bits; no autograd. Undefined tensors and tensors of other devices come back as they
/// are.
///
/// The caller orders its accesses with the stream: read and write it in a task, or after a
/// synchronisation.
[[nodiscard]] at::Tensor cpu_alias(const at::Tensor& tensor, Hold hold = Hold::no);

/// The same for a tensor of the host too. What the caller does with the storage of `tensor`
/// afterwards, resizing it for one, does not change the alias.
[[nodiscard]] at::Tensor memory_of(const at::Tensor& tensor, Hold hold = Hold::no);

/// Where the elements of a tensor are.
struct Memory {
  void* data = nullptr;  // of the storage
  std::size_t bytes = 0;
  std::int64_t offset = 0;  // of the tensor, in elements

  Memory() = default;
  explicit Memory(const at::Tensor& tensor);
};

/// A tensor over `storage`, with the dtype, sizes, strides and flags of `like`.
[[nodiscard]] at::Tensor tensor_over(c10::Storage storage, std::int64_t offset,
                                     const at::Tensor& like,
                                     c10::DispatchKey key = c10::DispatchKey::CPU);

/// The same for the CPU. It does not keep the memory alive.
[[nodiscard]] at::Tensor tensor_over(const Memory& memory, const at::Tensor& like);

/// The same memory in a tensor that Python does not know, for a task to own: a thread that gives up
/// the last use of a tensor known to Python needs the interpreter lock, and is ended by Python, and
/// with it the process, where the interpreter is being finalized.
[[nodiscard]] at::Tensor without_python(const at::Tensor& tensor);

}  // namespace xpu_runtime
