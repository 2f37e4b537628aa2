#include "runtime/kernels/tables.h"

#include <ATen/ops/elu_backward_meta.h>
#include <ATen/ops/elu_meta.h>
#include <ATen/ops/gelu_backward_meta.h>
#include <ATen/ops/gelu_meta.h>
#include <ATen/ops/glu_meta.h>
#include <ATen/ops/hardshrink_backward_meta.h>
#include <ATen/ops/hardshrink_meta.h>
#include <ATen/ops/hardsigmoid_backward_meta.h>
#include <ATen/ops/hardsigmoid_meta.h>
#include <ATen/ops/leaky_relu_backward_meta.h>
#include <ATen/ops/leaky_relu_meta.h>
#include <ATen/ops/logit_backward_meta.h>
#include <ATen/ops/mish_meta.h>
#include <ATen/ops/sigmoid_backward_meta.h>
#include <ATen/ops/silu_backward_meta.h>
#include <ATen/ops/silu_meta.h>
#include <ATen/ops/softplus_backward_meta.h>
#include <ATen/ops/softplus_meta.h>
#include <ATen/ops/softshrink_backward_meta.h>
#include <ATen/ops/softshrink_meta.h>
#include <ATen/ops/tanh_backward_meta.h>
#include <ATen/ops/threshold_backward_meta.h>
#include <ATen/ops/threshold_meta.h>

#include <ATen/WrapDimUtils.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;

bool is_gelu(std::string_view approximate) {
  return approximate == "none" || approximate == "tanh";
}

struct GeluShape : meta::structured_gelu {
  static bool supports(const at::Tensor& /*self*/, std::string_view approximate) {
    return is_gelu(approximate);
  }
};

struct GeluBackwardShape : meta::structured_gelu_backward {
  static bool supports(const at::Tensor& /*grad*/, const at::Tensor& /*self*/,
                       std::string_view approximate) {
    return is_gelu(approximate);
  }
};

struct GluBackwardShape : ShapeFunction {
  static bool supports(const at::Tensor& grad, const at::Tensor& self, std::int64_t dim) {
    if (dim < -self.dim() || dim >= self.dim() || self.size(dim) % 2 != 0) {
      return false;
    }
    at::DimVector half(self.sizes());
    half[at::maybe_wrap_dim(dim, self.dim())] /= 2;
    return grad.sizes() == half;
  }
  void meta(const at::Tensor& /*grad*/, const at::Tensor& self, std::int64_t /*dim*/) {
    place(0, self.sizes(), self.options());
  }
};

}  // namespace

void activation_kernels(torch::Library& library) {
  kernel<GluBackwardShape, Gate(kFloating, kLikeFirst), Copied<ops::glu_backward>,
         ops::glu_backward>(library);
  kernel<meta::structured_silu, kFloating, ops::silu_out, ops::silu, ops::silu_>(library);
  kernel<meta::structured_leaky_relu, kFloating, ops::leaky_relu_out, ops::leaky_relu,
         ops::leaky_relu_>(library);
  kernel<meta::structured_elu, kFloating, ops::elu_out, ops::elu, ops::elu_>(library);
  kernel<meta::structured_hardsigmoid, kFloating, ops::hardsigmoid_out, ops::hardsigmoid,
         ops::hardsigmoid_>(library);
  kernel<meta::structured_mish, kFloating, ops::mish_out, ops::mish, ops::mish_>(library);
  kernel<meta::structured_threshold, kReal, ops::threshold_out, ops::threshold, ops::threshold_>(
      library);
  kernel<GeluShape, kFloating, ops::gelu_out, ops::gelu, ops::gelu_>(library);
  kernel<meta::structured_softplus, kFloating, ops::softplus_out, ops::softplus>(library);
  kernel<meta::structured_softshrink, kFloating, ops::softshrink_out, ops::softshrink>(library);
  kernel<meta::structured_hardshrink, kFloating, ops::hardshrink_out, ops::hardshrink>(library);
  kernel<meta::structured_glu, kFloating, ops::glu_out, ops::glu>(library);
  kernel<GeluBackwardShape, kFloating, ops::gelu_backward_grad_input, ops::gelu_backward>(library);
  kernel<meta::structured_silu_backward, kFloating, ops::silu_backward_grad_input,
         ops::silu_backward>(library);
  kernel<meta::structured_leaky_relu_backward, kFloating, ops::leaky_relu_backward_grad_input,
         ops::leaky_relu_backward>(library);
  kernel<meta::structured_elu_backward, kFloating, ops::elu_backward_grad_input, ops::elu_backward>(
      library);
  kernel<meta::structured_hardsigmoid_backward, kFloating, ops::hardsigmoid_backward_grad_input,
         ops::hardsigmoid_backward>(library);
  kernel<meta::structured_softplus_backward, kFloating, ops::softplus_backward_grad_input,
         ops::softplus_backward>(library);
  kernel<meta::structured_softshrink_backward, kFloating, ops::softshrink_backward_grad_input,
         ops::softshrink_backward>(library);
  kernel<meta::structured_hardshrink_backward, kFloating, ops::hardshrink_backward_grad_input,
         ops::hardshrink_backward>(library);
  kernel<meta::structured_logit_backward, kFloating, ops::logit_backward_grad_input,
         ops::logit_backward>(library);
  kernel<meta::structured_threshold_backward, kReal, ops::threshold_backward_grad_input,
         ops::threshold_backward>(library);
  kernel<meta::structured_tanh_backward, kFloating | kComplex, ops::tanh_backward_grad_input,
         ops::tanh_backward>(library);
  kernel<meta::structured_sigmoid_backward, kFloating | kComplex, ops::sigmoid_backward_grad_input,
         ops::sigmoid_backward>(library);
}

}  // namespace xpu_runtime::kernels
