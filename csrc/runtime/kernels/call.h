#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <optional>
#include <tuple>

#include "runtime/c10_xpu/task_queue.h"
#include "runtime/kernels/arguments.h"
#include "runtime/kernels/dtypes.h"
#include "runtime/tensors/accesses.h"

namespace xpu_runtime::kernels {

/// Who compares the devices of the arguments.
enum class DeviceCheck : bool {
  by_shape,  ///< the shape function, with the exceptions it makes for 0-dim CPU tensors
  strict,    ///< us: all tensors are on one device
};

/// What is to be known about the tensor arguments of a call before its shape function runs.
class Inspection {
 public:
  Inspection(const char* name, const char* overload, DeviceCheck check, const Gate& gate)
      : name_(name), overload_(overload), gate_(gate), check_(check) {}

  template <class... Args>
  void inputs(const Args&... arguments) {
    (visit<true>(arguments), ...);
  }
  template <class... Args>
  void outputs(const Args&... arguments) {
    (visit<false>(arguments), ...);
  }

  /// Whether the kernel can run asynchronously on these dtypes and numbers.
  [[nodiscard]] bool admitted() const noexcept { return admitted_; }
  /// The device of the first XPU argument: its stream runs the kernel.
  [[nodiscard]] c10::Device device() const;

 private:
  template <bool is_input, class T>
  void visit(const T& argument) {
    if constexpr (Argument<T>::has_tensors) {
      Argument<T>::each_tensor(argument, [this](const at::Tensor& t) { tensor(t, is_input); });
      ++position_;
    } else if constexpr (std::is_same_v<T, at::Scalar>) {
      number(argument);
    } else if constexpr (std::is_same_v<T, std::optional<at::Scalar>>) {
      if (argument.has_value()) {
        number(*argument);
      }
    }
  }
  void tensor(const at::Tensor& tensor, bool is_input);
  /// CPU kernels convert numbers when they run, and then throw for those out of range.
  void number(const at::Scalar& value);
  [[noreturn]] void refuse(const at::Tensor& tensor) const;

  const char* name_;
  const char* overload_;
  const Gate& gate_;
  DeviceCheck check_;
  bool admitted_ = true;
  std::size_t position_ = 0;
  std::optional<c10::Device> first_;
  std::optional<c10::Device> device_;
  c10::ScalarType first_type_ = c10::ScalarType::Undefined;
};

/// Where the work of a task goes: straight to the CPU kernel, no other key has a say.
inline constexpr c10::DispatchKeySet kCpuKeys{c10::DispatchKey::CPU};

/// Names an operator, to look its schema up; null where a runner is none.
struct OperatorName {
  const char* name = nullptr;
  const char* overload = nullptr;
};

template <class Op>
constexpr OperatorName operator_name() {
  if constexpr (requires { Op::overload_name; }) {
    return {Op::name, Op::overload_name};
  } else {
    return {};
  }
}

/// Collects the memory that a call touches, for the order log.
class TouchedMemory {
 public:
  explicit TouchedMemory(const OperatorName& op);

  template <class Parameter>
  void argument(const std::remove_cvref_t<Parameter>& value) {
    if constexpr (Argument<Parameter>::has_tensors) {
      const bool is_written = std::is_same_v<Parameter, at::Tensor&> || written(position_);
      Argument<Parameter>::each_tensor(value, [&](const at::Tensor& tensor) {
        if (tensor.defined() && tensor.is_xpu()) {
          order_log::add_access(accesses, tensor, is_written);
        }
      });
    }
    ++position_;
  }

  order_log::Accesses accesses{};

 private:
  /// What the types do not tell: lists and optional tensors that are written.
  [[nodiscard]] bool written(std::size_t position) const;

  const c10::FunctionSchema* schema_ = nullptr;
  std::size_t position_ = 0;
};

/// Calls `kernel`, of the form of at::_ops::X::redispatch, in a task of the current stream. One
/// instance per signature, not per operator: there are hundreds of operators.
template <class Schema>
struct Launch;
template <class R, class... Parameters>
struct Launch<R(Parameters...)> {
  static order_log::Accesses accesses(const OperatorName& op,
                                      const std::remove_cvref_t<Parameters>&... arguments) {
    if (!order_log::enabled()) [[likely]] {
      return {};
    }
    TouchedMemory memory(op);
    (memory.argument<Parameters>(arguments), ...);
    return std::move(memory.accesses);
  }

  static void on_stream(const char* name, const OperatorName& op,
                        R (*kernel)(c10::DispatchKeySet, Parameters...),
                        const std::remove_cvref_t<Parameters>&... arguments) {
    using Kept = std::tuple<typename Argument<Parameters>::Kept...>;
    AliasSet aliases;
    enqueue(
        name,
        [kernel, kept = Kept{Argument<Parameters>::keep(aliases, arguments)...}]() mutable {
          std::apply([&](auto&... each) { kernel(kCpuKeys, Argument<Parameters>::lend(each)...); },
                     kept);
        },
        accesses(op, arguments...));
  }
};

/// Specialised for operators whose large calls are computed in parts (split.h): the same call.
template <class Op>
struct Split : Op {};

/// Runs `Op` or a runner, under the name of the operator that was called.
template <class Op, class... Args>
void launch(const char* name, const Args&... arguments) {
  Launch<typename Op::schema>::on_stream(name, operator_name<Op>(), Split<Op>::redispatch,
                                         arguments...);
}

}  // namespace xpu_runtime::kernels
