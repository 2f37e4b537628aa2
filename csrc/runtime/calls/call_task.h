#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/SmallVector.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "runtime/c10_xpu/task_queue.h"
#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"
#include "runtime/tensors/alias.h"

namespace xpu_runtime {

/// The CPU operator of a call, on the memory that the tensors had when the call was made.
///
/// The task makes the CPU tensors, not the call: that takes longer than all else the call does, and
/// what one thread allocates and another frees is dear.
class CallTask final : public Task {
 public:
  /// Args:
  ///   arguments: of the call. No tensor of the device is kept, see Hold.
  ///   results: what it returns; those that are new get their values from the task.
  CallTask(const char* name, std::shared_ptr<const Plan> plan, const CallArguments& arguments,
           c10::ArrayRef<at::Tensor> results);

  void run() override;

 private:
  using Tensors = c10::SmallVector<at::Tensor, 4>;

  [[nodiscard]] torch::jit::Stack arguments();
  [[nodiscard]] Tensors outputs() const;
  void deliver(const torch::jit::Stack& results, const Tensors& outputs) const;

  std::shared_ptr<const Plan> plan_;
  c10::SmallVector<c10::IValue, 6> values_;  // of the call; none for a tensor of the device
  c10::SmallVector<Memory, 6> memory_;       // of those tensors, and then of new results
  std::optional<std::uint64_t> seed_;
};

}  // namespace xpu_runtime
