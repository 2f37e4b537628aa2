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

#include <ATen/native/Pool.h>

#include <optional>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;
using at::Tensor;

// `rank` dimensions are pooled; one for channels and maybe one for batches come before.
template <std::int64_t rank>
bool is_image(const Tensor& self) {
  return (self.dim() == rank + 1 || self.dim() == rank + 2) && self.numel() > 0;
}

// The CPU keeps the format of two-dimensional images only.
template <std::int64_t rank>
at::MemoryFormat adaptive_format(const Tensor& self) {
  return rank == 2 ? self.suggest_memory_format() : at::MemoryFormat::Contiguous;
}

template <std::int64_t rank>
struct AdaptiveAvgPoolShape : ShapeFunction {
  static bool supports(const Tensor& self, at::IntArrayRef output_size) {
    return is_image<rank>(self) && output_size.size() == rank &&
           c10::multiply_integers(output_size) > 0;
  }
  void meta(const Tensor& self, at::IntArrayRef output_size) {
    at::DimVector sizes(self.sizes());
    std::copy(output_size.begin(), output_size.end(), sizes.end() - rank);
    place(0, sizes, self.options(), adaptive_format<rank>(self));
  }
};

template <std::int64_t rank>
struct AdaptiveAvgPoolBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& self) {
    const auto rest = self.dim() - rank;
    return is_image<rank>(self) && grad.numel() > 0 && grad.dim() == self.dim() &&
           grad.sizes().slice(0, rest) == self.sizes().slice(0, rest);
  }
  void meta(const Tensor& /*grad*/, const Tensor& self) {
    place(0, self.sizes(), self.options(), adaptive_format<rank>(self));
  }
};

// Contiguous tensors only, and nothing that the CPU could refuse.
struct MaxPool3dShape : ShapeFunction {
  static bool supports(const Tensor& self, at::IntArrayRef kernel, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef dilation, bool ceil_mode) {
    return is_image<3>(self) && self.is_contiguous() &&
           pooled(self, kernel, stride, padding, dilation, ceil_mode).has_value();
  }
  void meta(const Tensor& self, at::IntArrayRef kernel, at::IntArrayRef stride,
            at::IntArrayRef padding, at::IntArrayRef dilation, bool ceil_mode) {
    const auto sizes = *pooled(self, kernel, stride, padding, dilation, ceil_mode);
    place(0, sizes, self.options());
    place(1, sizes, self.options().dtype(at::kLong));
  }

  static std::optional<at::DimVector> pooled(const Tensor& self, at::IntArrayRef kernel,
                                             at::IntArrayRef stride, at::IntArrayRef padding,
                                             at::IntArrayRef dilation, bool ceil_mode) {
    const auto step = stride.empty() ? kernel : stride;
    at::DimVector sizes(self.sizes());
    for (std::size_t k = 0; k < 3; ++k) {
      const auto window = kernel[k % kernel.size()];
      const auto pad = padding[k % padding.size()];
      const auto stride_k = step[k % step.size()];
      const auto dilation_k = dilation[k % dilation.size()];
      auto& size = sizes[sizes.size() - 3 + k];
      if (window < 1 || stride_k < 1 || dilation_k < 1 || pad < 0 || 2 * pad > window ||
          size + 2 * pad < dilation_k * (window - 1) + 1) {
        return std::nullopt;
      }
      size = at::native::pooling_output_shape(size, window, pad, stride_k, dilation_k, ceil_mode);
    }
    return sizes;
  }
};

struct MaxPool3dBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& self, at::IntArrayRef kernel,
                       at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
                       bool ceil_mode, const Tensor& indices) {
    return MaxPool3dShape::supports(self, kernel, stride, padding, dilation, ceil_mode) &&
           grad.sizes() == indices.sizes() &&
           grad.sizes() ==
               *MaxPool3dShape::pooled(self, kernel, stride, padding, dilation, ceil_mode);
  }
  template <class... Values>
  void meta(const Tensor& /*grad*/, const Tensor& self, const Values&... /*values*/) {
    place(0, self.sizes(), self.options());
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
  kernel<AdaptiveAvgPoolShape<2>, kFloating, Internal<ops::adaptive_avg_pool2d_out>,
         ops::_adaptive_avg_pool2d>(library);
  kernel<AdaptiveAvgPoolBackwardShape<2>, Gate(kFloating, kLikeFirst),
         Copied<ops::_adaptive_avg_pool2d_backward>, ops::_adaptive_avg_pool2d_backward>(library);
  kernel<AdaptiveAvgPoolShape<3>, kFloating, Copied<ops::_adaptive_avg_pool3d>,
         ops::_adaptive_avg_pool3d>(library);
  kernel<AdaptiveAvgPoolBackwardShape<3>, Gate(kFloating, kLikeFirst),
         Copied<ops::_adaptive_avg_pool3d_backward>, ops::_adaptive_avg_pool3d_backward>(library);
  kernel<MaxPool3dShape, kFloating, Copied<ops::max_pool3d_with_indices>,
         ops::max_pool3d_with_indices>(library);
  kernel<MaxPool3dBackwardShape, with_indices, Copied<ops::max_pool3d_with_indices_backward>,
         ops::max_pool3d_with_indices_backward>(library);
}

}  // namespace xpu_runtime::kernels
