#include "runtime/kernels/tables.h"

#include <ATen/ops/adaptive_max_pool2d_backward_meta.h>
#include <ATen/ops/adaptive_max_pool2d_meta.h>
#include <ATen/ops/adaptive_max_pool3d_backward_meta.h>
#include <ATen/ops/adaptive_max_pool3d_meta.h>
#include <ATen/ops/avg_pool2d_backward_meta.h>
#include <ATen/ops/avg_pool2d_meta.h>
#include <ATen/ops/avg_pool3d_backward_meta.h>
#include <ATen/ops/avg_pool3d_meta.h>
#include <ATen/ops/max_pool2d_with_indices_backward_meta.h>
#include <ATen/ops/max_pool2d_with_indices_meta.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;
using at::Tensor;

struct AdaptiveAvgPool2dShape : ShapeFunction {
  static bool supports(const Tensor& self, at::IntArrayRef output_size) {
    return (self.dim() == 3 || self.dim() == 4) && self.numel() > 0 && output_size.size() == 2 &&
           output_size[0] > 0 && output_size[1] > 0;
  }
  void meta(const Tensor& self, at::IntArrayRef output_size) {
    at::DimVector sizes(self.sizes());
    std::copy(output_size.begin(), output_size.end(), sizes.end() - 2);
    place(0, sizes, self.options(), self.suggest_memory_format());
  }
};

struct AdaptiveAvgPool2dBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& self) {
    return (self.dim() == 3 || self.dim() == 4) && self.numel() > 0 && grad.numel() > 0 &&
           grad.dim() == self.dim() &&
           grad.sizes().slice(0, self.dim() - 2) == self.sizes().slice(0, self.dim() - 2);
  }
  void meta(const Tensor& /*grad*/, const Tensor& self) {
    place(0, self.sizes(), self.options(), self.suggest_memory_format());
  }
};

}  // namespace

void pooling_kernels(torch::Library& library) {
  constexpr Gate with_indices(kFloating, kLikeFirst, kLong);
  kernel<meta::structured_avg_pool2d, kFloating | kLong, ops::avg_pool2d_out, ops::avg_pool2d>(
      library);
  kernel<meta::structured_avg_pool3d, dtypes(c10::kFloat, c10::kDouble, c10::kLong),
         ops::avg_pool3d_out, ops::avg_pool3d>(library);
  kernel<meta::structured_adaptive_max_pool2d, kFloating, ops::adaptive_max_pool2d_out,
         ops::adaptive_max_pool2d>(library);
  kernel<meta::structured_adaptive_max_pool3d, kFloating, ops::adaptive_max_pool3d_out,
         ops::adaptive_max_pool3d>(library);
  kernel<meta::structured_max_pool2d_with_indices, kReal, ops::max_pool2d_with_indices_out,
         ops::max_pool2d_with_indices>(library);
  kernel<meta::structured_avg_pool2d_backward, kFloating, ops::avg_pool2d_backward_grad_input,
         ops::avg_pool2d_backward>(library);
  kernel<meta::structured_avg_pool3d_backward, dtypes(c10::kFloat, c10::kDouble),
         ops::avg_pool3d_backward_grad_input, ops::avg_pool3d_backward>(library);
  kernel<meta::structured_adaptive_max_pool2d_backward, with_indices,
         ops::adaptive_max_pool2d_backward_grad_input, ops::adaptive_max_pool2d_backward>(library);
  kernel<meta::structured_adaptive_max_pool3d_backward, with_indices,
         ops::adaptive_max_pool3d_backward_grad_input, ops::adaptive_max_pool3d_backward>(library);
  kernel<meta::structured_max_pool2d_with_indices_backward, with_indices,
         ops::max_pool2d_with_indices_backward_grad_input, ops::max_pool2d_with_indices_backward>(
      library);
  kernel<AdaptiveAvgPool2dShape, kFloating, Internal<ops::adaptive_avg_pool2d_out>,
         ops::_adaptive_avg_pool2d>(library);
  kernel<AdaptiveAvgPool2dBackwardShape, Gate(kFloating, kLikeFirst),
         Copied<ops::_adaptive_avg_pool2d_backward>, ops::_adaptive_avg_pool2d_backward>(library);
}

}  // namespace xpu_runtime::kernels
