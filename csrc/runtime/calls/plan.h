#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/Exception.h>
#include <c10/util/SmallVector.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/runners.h"

namespace xpu_runtime {

/// How a tensor lies in memory.
struct Layout {
  c10::SmallVector<std::int64_t, 5> sizes;
  c10::SmallVector<std::int64_t, 5> strides;

  Layout() = default;
  explicit Layout(const at::Tensor& tensor)
      : sizes(tensor.sizes().begin(), tensor.sizes().end()),
        strides(tensor.strides().begin(), tensor.strides().end()) {}
  bool operator==(const Layout& other) const = default;
};

/// What a call returns and changes, without the values.
struct Outcome {
  /// One returned tensor: an argument, a new tensor, or none.
  struct Output {
    std::optional<std::size_t> argument;              // its position among CallArguments::tensors()
    at::ScalarType type = at::ScalarType::Undefined;  // of a new one
    Layout layout;

    [[nodiscard]] bool is_new() const noexcept {
      return !argument && type != at::ScalarType::Undefined;
    }
    [[nodiscard]] bool same_source(const Output& other) const {
      return argument == other.argument && type == other.type;
    }
    bool operator==(const Output& other) const = default;
  };
  /// An out= argument that gets another shape.
  struct Resized {
    std::size_t argument;
    Layout layout;
  };

  std::vector<Output> outputs;
  std::vector<std::optional<std::size_t>>
      returns;  // how many outputs are a list; nothing: one is none
  std::vector<Resized> resized;
  std::vector<c10::Warning> warnings;  // those of the CPU kernel
};

/// What a call returned.
///
/// Args:
///   results: the stack after the operator.
///   arguments: its tensors.
///
/// Returns:
///   Nothing if a result is neither a new tensor nor an argument, but a view of one, or a value.
[[nodiscard]] std::optional<Outcome> outcome_of(const torch::jit::Stack& results,
                                                c10::ArrayRef<const at::Tensor*> arguments);

/// How the task computes.
struct Computation {
  std::optional<c10::OperatorHandle> op;  // nothing: the CPU kernel cannot do it later
  bool fills_outputs = false;             // given as further arguments; else results are copied
  Runner runner = nullptr;                // in place of `op`, which fills outputs then
};

/// A tensor of the device among the arguments, outside lists.
struct DeviceTensor {
  std::size_t position;
  at::Tensor like;  // a CPU tensor of its dtype, layout and flags
};

/// What is known about all calls with one signature.
struct Plan {
  Outcome outcome;
  Computation how;

  // What a task has to know about the arguments; filled by prepare().
  std::vector<DeviceTensor> tensors{};
  std::vector<at::Tensor> results{};  // CPU tensors like them; undefined where none is new
  std::optional<std::size_t> generator{};

  /// Whether the call has to run at once, through the fallback.
  [[nodiscard]] bool synchronous() const noexcept { return !how.op; }
};

/// Notes in the plan what tasks have to know about the arguments of such calls.
void prepare(Plan& plan, const CallArguments& arguments);

}  // namespace xpu_runtime
