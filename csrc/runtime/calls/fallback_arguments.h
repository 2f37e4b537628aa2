#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <optional>
#include <vector>

#include "runtime/c10_xpu/order_log.h"

namespace xpu_runtime {

/// The arguments of one fallback call, on their way to the CPU and back.
///
/// The same tensor twice stays the same tensor, and tensors that share a storage still do, so that
/// a kernel sees all the aliasing that the caller set up.
class FallbackArguments {
 public:
  explicit FallbackArguments(const c10::FunctionSchema& schema) : schema_(schema) {}

  /// Replaces XPU tensors, devices and generators on the stack with what a CPU kernel takes.
  void to_cpu(torch::jit::Stack& stack);

  /// The device that the call is for; throws if the arguments are on several.
  [[nodiscard]] c10::Device device() const;

  /// The memory of XPU tensors among them, for the order log.
  [[nodiscard]] order_log::Accesses accesses() const;

  /// Takes over the new memory and shape of out= arguments that the kernel resized.
  void finish_outputs();

  /// Replaces results on the stack with XPU tensors.
  void from_cpu(torch::jit::Stack& stack);

 private:
  struct Pair {
    at::Tensor xpu;
    at::Tensor cpu;
    bool is_written;
  };

  void note_device(c10::Device device);
  void note_foreign(const at::Tensor& tensor, const c10::Argument& argument);
  [[nodiscard]] at::Tensor to_cpu(const at::Tensor& tensor, const c10::Argument& argument);
  [[nodiscard]] c10::IValue to_cpu(const c10::IValue& value, const c10::Argument& argument);
  [[nodiscard]] at::Tensor from_cpu(const at::Tensor& result) const;
  [[nodiscard]] c10::IValue from_cpu(const c10::IValue& value) const;
  void finish_output(const Pair& pair) const;

  const c10::FunctionSchema& schema_;
  std::vector<Pair> pairs_;
  std::vector<at::Tensor> given_on_cpu_;
  std::optional<c10::Device> device_;
  std::optional<c10::Device> other_device_;
  std::optional<c10::Device> generator_device_;
};

}  // namespace xpu_runtime
