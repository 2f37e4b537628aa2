#include "runtime/kernels/tables.h"

#include <ATen/ops/mse_loss_meta.h>
#include <ATen/ops/nll_loss_backward_meta.h>
#include <ATen/ops/nll_loss_forward_meta.h>
#include <ATen/ops/smooth_l1_loss_meta.h>

#include <ATen/ExpandUtils.h>
#include <ATen/core/Reduction.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;
using at::OptionalTensorRef;
using at::Tensor;

// The sum or mean of a loss of pairs.
struct ReducedLossShape : ShapeFunction {
  template <class... Values>
  static bool supports(const Tensor& self, const Tensor& target, const Values&... /*values*/) {
    return at::are_expandable(self.sizes(), target.sizes());
  }
  template <class... Values>
  void meta(const Tensor& self, const Tensor& target, const Values&... /*values*/) {
    place(0, {}, self.options().dtype(at::result_type(self, target)));
  }
};

// A loss of pairs. ATen's shape functions resize the output to the terms, also where these are
// reduced, and back: for the user's out= argument, with a warning.
template <class Meta, class Op, class OutOp, class Schema = typename Op::schema>
struct PairLoss;
template <class Meta, class Op, class OutOp, class... Values>
struct PairLoss<Meta, Op, OutOp, Tensor(const Tensor&, const Tensor&, std::int64_t, Values...)> {
  static Tensor call(const Tensor& self, const Tensor& target, std::int64_t reduction,
                     Values... values) {
    using Terms = Functional<Meta, kFloating, OutOp, Op>;
    using Reduced = Functional<ReducedLossShape, kFloating, Copied<Op>, Op>;
    return reduction == at::Reduction::None ? Terms::call(self, target, reduction, values...)
                                            : Reduced::call(self, target, reduction, values...);
  }
};

// The gradient of an elementwise loss: one per element of the input, contiguous.
struct GradientShape : ShapeFunction {
  template <class... Values>
  static bool supports(const Tensor& grad, const Tensor& self, const Tensor& target,
                       const Values&... /*values*/) {
    return self.sizes() == target.sizes() && at::is_expandable_to(grad.sizes(), self.sizes());
  }
  template <class... Values>
  void meta(const Tensor& /*grad*/, const Tensor& self, const Values&... /*values*/) {
    place(0, self.sizes(), self.options());
  }
};

// A loss with one term per element, reduced or not.
struct ElementwiseLossShape : ShapeFunction {
  static bool supports(const Tensor& self, const Tensor& target, OptionalTensorRef weight,
                       std::int64_t /*reduction*/) {
    return self.sizes() == target.sizes() &&
           (!weight.has_value() || at::is_expandable_to(weight->sizes(), self.sizes()));
  }
  void meta(const Tensor& self, const Tensor& /*target*/, OptionalTensorRef /*weight*/,
            std::int64_t reduction) {
    if (reduction == at::Reduction::None) {
      place_like(0, self);
    } else {
      place(0, {}, self.options());
    }
  }
};

struct HuberLossShape : ElementwiseLossShape {
  static bool supports(const Tensor& self, const Tensor& target, std::int64_t reduction,
                       double delta) {
    return delta > 0 && ElementwiseLossShape::supports(self, target, {}, reduction);
  }
  void meta(const Tensor& self, const Tensor& target, std::int64_t reduction, double /*delta*/) {
    ElementwiseLossShape::meta(self, target, {}, reduction);
  }
};

struct ElementwiseLossBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& self, const Tensor& target,
                       OptionalTensorRef weight, std::int64_t reduction) {
    return ElementwiseLossShape::supports(self, target, weight, reduction) &&
           at::is_expandable_to(grad.sizes(), self.sizes());
  }
  template <class... Values>
  void meta(const Tensor& /*grad*/, const Tensor& self, const Values&... /*values*/) {
    place_like(0, self);
  }
};

struct NllLoss2dShape : ShapeFunction {
  static bool supports(const Tensor& self, const Tensor& target, OptionalTensorRef weight,
                       std::int64_t /*reduction*/, std::int64_t /*ignore_index*/) {
    return self.dim() == 4 && target.dim() == 3 && self.numel() > 0 &&
           self.size(0) == target.size(0) && self.size(2) == target.size(1) &&
           self.size(3) == target.size(2) &&
           (!weight.has_value() || (weight->dim() == 1 && weight->size(0) == self.size(1)));
  }
  void meta(const Tensor& self, const Tensor& target, OptionalTensorRef /*weight*/,
            std::int64_t reduction, std::int64_t /*ignore_index*/) {
    const bool reduced = reduction != at::Reduction::None;
    place(0, reduced ? at::IntArrayRef() : target.sizes(), self.options());
    place(1, {}, self.options());
  }
};

struct NllLoss2dBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& self, const Tensor& target,
                       OptionalTensorRef weight, std::int64_t reduction, std::int64_t ignore_index,
                       const Tensor& total_weight) {
    const bool reduced = reduction != at::Reduction::None;
    return NllLoss2dShape::supports(self, target, weight, reduction, ignore_index) &&
           total_weight.numel() == 1 &&
           (reduced ? grad.dim() <= 1 && grad.numel() == 1 : grad.sizes() == target.sizes());
  }
  template <class... Values>
  void meta(const Tensor& /*grad*/, const Tensor& self, const Values&... /*values*/) {
    place(0, self.sizes(), self.options());
  }
};

}  // namespace

void loss_kernels(torch::Library& library) {
  library.impl("mse_loss",
               &PairLoss<meta::structured_mse_loss, ops::mse_loss, ops::mse_loss_out>::call);
  library.impl("smooth_l1_loss", &PairLoss<meta::structured_smooth_l1_loss, ops::smooth_l1_loss,
                                           ops::smooth_l1_loss_out>::call);
  kernel<meta::structured_nll_loss_forward, Gate(kFloating, kLong, kLikeFirst),
         ops::nll_loss_forward_output, ops::nll_loss_forward>(library);
  kernel<meta::structured_nll_loss_backward, Gate(kFloating, kLikeFirst, kLong, kLikeFirst),
         ops::nll_loss_backward_grad_input, ops::nll_loss_backward>(library);
  constexpr Gate same(kFloating, kLikeFirst);
  kernel<GradientShape, same, Internal<ops::mse_loss_backward_grad_input>, ops::mse_loss_backward>(
      library);
  kernel<GradientShape, same, Internal<ops::smooth_l1_loss_backward_grad_input>,
         ops::smooth_l1_loss_backward>(library);
  kernel<GradientShape, same, Internal<ops::huber_loss_backward_out>, ops::huber_loss_backward>(
      library);
  kernel<ElementwiseLossShape, same, Copied<ops::binary_cross_entropy>, ops::binary_cross_entropy>(
      library);
  kernel<HuberLossShape, same, Copied<ops::huber_loss>, ops::huber_loss>(library);
  kernel<ElementwiseLossBackwardShape, same, Copied<ops::binary_cross_entropy_backward>,
         ops::binary_cross_entropy_backward>(library);
  kernel<NllLoss2dShape, Gate(kFloating, kLong, kLikeFirst),
         Internal<ops::nll_loss2d_forward_output>, ops::nll_loss2d_forward>(library);
  kernel<NllLoss2dBackwardShape, Gate(kFloating, kLikeFirst, kLong, kLikeFirst),
         Internal<ops::nll_loss2d_backward_grad_input>, ops::nll_loss2d_backward>(library);
}

}  // namespace xpu_runtime::kernels
