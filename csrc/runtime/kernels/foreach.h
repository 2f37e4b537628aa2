#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <optional>
#include <vector>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/shape.h"

/// Operators on lists of tensors, as optimizers use them: one task for the whole list.
namespace xpu_runtime::kernels {

/// What the lists after the first may hold.
enum class Lists : bool {
  alike,      ///< tensors like those of the first list
  optimizer,  ///< that, or step counters (0-dim float32), or nothing at all
};

/// Compares the arguments of a list operator: list entries of the same position are alike, and
/// nothing about the call can fail or promote.
class ListInspection {
 public:
  template <class... Args>
  explicit ListInspection(Lists lists, const Args&... arguments) : lists_(lists) {
    (argument(arguments), ...);
  }
  [[nodiscard]] bool uniform() const noexcept { return uniform_ && !first_.empty(); }
  [[nodiscard]] c10::Device device() const { return first_.front().device(); }

 private:
  void argument(at::TensorList list);
  void argument(const at::Tensor& tensor);
  void argument(const std::optional<at::Tensor>& tensor);
  void argument(const at::Scalar& scalar) { uniform_ = uniform_ && !scalar.isComplex(); }
  void argument(at::ArrayRef<at::Scalar> scalars);
  template <class T>
  void argument(const T& /*value*/) {}

  [[nodiscard]] bool fits(const at::Tensor& tensor, const at::Tensor& first) const;

  Lists lists_;
  bool uniform_ = true;
  at::TensorList first_;
};

/// The operator by way of one kernel per tensor: composite, with all of its checks.
template <class Op, class... Args>
decltype(auto) one_by_one(Args&... arguments) {
  return Op::redispatch(kCpuKeys, arguments...);
}

/// `Op` changes the tensors of its first list.
template <class Op, class Schema = typename Op::schema>
struct ForeachInPlace;
template <class Op, class... Parameters>
struct ForeachInPlace<Op, void(Parameters...)> {
  static void call(Parameters... arguments) {
    const ListInspection inspection(Lists::alike, arguments...);
    if (!inspection.uniform()) {
      return one_by_one<Op>(arguments...);
    }
    const c10::DeviceGuard guard(inspection.device());
    launch<Op>(Op::name, arguments...);
  }
};

/// `Op` is a fused optimizer step, whose CPU kernel takes the whole list.
template <class Op, class Schema = typename Op::schema>
struct FusedStep;
template <class Op, class... Parameters>
struct FusedStep<Op, void(Parameters...)> {
  static void call(Parameters... arguments) {
    const ListInspection inspection(Lists::optimizer, arguments...);
    if (!inspection.uniform()) {
      return Fallback<Op>::call(arguments...);
    }
    const c10::DeviceGuard guard(inspection.device());
    launch<Op>(Op::name, arguments...);
  }
};

/// New tensors with the layout of `list`.
std::vector<at::Tensor> allocate_like(at::TensorList list);

/// `Op` makes tensors like those of its first list, `Runner` is its out= variant.
template <class Runner, class Op, class Schema = typename Op::schema>
struct ForeachFunctional;
template <class Runner, class Op, class... Parameters>
struct ForeachFunctional<Runner, Op, std::vector<at::Tensor>(at::TensorList, Parameters...)> {
  static std::vector<at::Tensor> call(at::TensorList self, Parameters... arguments) {
    const ListInspection inspection(Lists::alike, self, arguments...);
    if (!inspection.uniform()) {
      return one_by_one<Op>(self, arguments...);
    }
    const c10::DeviceGuard guard(inspection.device());
    auto results = allocate_like(self);
    launch<Runner>(Op::name, self, arguments..., results);
    return results;
  }
};

/// Registers the in-place and functional variants of a list operator; `OutOp` runs the latter.
template <class InPlaceOp, class Op, class OutOp>
void foreach_kernel(torch::Library& library) {
  library.impl(schema_name<InPlaceOp>().c_str(), &ForeachInPlace<InPlaceOp>::call);
  library.impl(schema_name<Op>().c_str(), &ForeachFunctional<OutOp, Op>::call);
}

}  // namespace xpu_runtime::kernels
