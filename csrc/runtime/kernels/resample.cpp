#include "runtime/kernels/tables.h"

#include <ATen/ops/_upsample_nearest_exact1d_backward_meta.h>
#include <ATen/ops/_upsample_nearest_exact1d_meta.h>
#include <ATen/ops/_upsample_nearest_exact2d_backward_meta.h>
#include <ATen/ops/_upsample_nearest_exact2d_meta.h>
#include <ATen/ops/_upsample_nearest_exact3d_backward_meta.h>
#include <ATen/ops/_upsample_nearest_exact3d_meta.h>
#include <ATen/ops/reflection_pad1d_backward_meta.h>
#include <ATen/ops/reflection_pad1d_meta.h>
#include <ATen/ops/reflection_pad3d_backward_meta.h>
#include <ATen/ops/reflection_pad3d_meta.h>
#include <ATen/ops/replication_pad1d_backward_meta.h>
#include <ATen/ops/replication_pad1d_meta.h>
#include <ATen/ops/replication_pad2d_meta.h>
#include <ATen/ops/replication_pad3d_meta.h>
#include <ATen/ops/upsample_bicubic2d_backward_meta.h>
#include <ATen/ops/upsample_bicubic2d_meta.h>
#include <ATen/ops/upsample_bilinear2d_backward_meta.h>
#include <ATen/ops/upsample_bilinear2d_meta.h>
#include <ATen/ops/upsample_linear1d_backward_meta.h>
#include <ATen/ops/upsample_linear1d_meta.h>
#include <ATen/ops/upsample_nearest1d_backward_meta.h>
#include <ATen/ops/upsample_nearest1d_meta.h>
#include <ATen/ops/upsample_nearest2d_backward_meta.h>
#include <ATen/ops/upsample_nearest2d_meta.h>
#include <ATen/ops/upsample_nearest3d_backward_meta.h>
#include <ATen/ops/upsample_nearest3d_meta.h>
#include <ATen/ops/upsample_trilinear3d_backward_meta.h>
#include <ATen/ops/upsample_trilinear3d_meta.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;
using at::Tensor;

// Padding amounts come last dimension first, two per dimension.
at::DimVector padded_sizes(const Tensor& self, at::IntArrayRef padding) {
  at::DimVector sizes(self.sizes());
  for (std::size_t k = 0; k < padding.size(); ++k) {
    sizes[sizes.size() - 1 - k / 2] += padding[k];
  }
  return sizes;
}

template <std::size_t rank>
struct PaddingBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& self, at::IntArrayRef padding) {
    return padding.size() == 2 * rank && self.numel() > 0 && self.is_contiguous() &&
           (self.dim() == rank + 1 || self.dim() == rank + 2) &&
           grad.sizes() == padded_sizes(self, padding);
  }
  void meta(const Tensor& /*grad*/, const Tensor& self, at::IntArrayRef /*padding*/) {
    place(0, self.sizes(), self.options());
  }
};

struct ReflectionPad2dShape : ShapeFunction {
  static bool supports(const Tensor& self, at::IntArrayRef padding) {
    const bool fits = padding.size() == 4 && self.numel() > 0 && self.is_contiguous() &&
                      (self.dim() == 3 || self.dim() == 4);
    for (std::size_t k = 0; fits && k < padding.size(); ++k) {
      if (padding[k] < 0 || padding[k] >= self.size(k < 2 ? -1 : -2)) {
        return false;
      }
    }
    return fits;
  }
  void meta(const Tensor& self, at::IntArrayRef padding) {
    place(0, padded_sizes(self, padding), self.options());
  }
};

}  // namespace

void resample_kernels(torch::Library& library) {
  kernel<meta::structured_upsample_nearest1d, kFloating, ops::upsample_nearest1d_out,
         ops::upsample_nearest1d>(library);
  kernel<meta::structured_upsample_nearest1d_backward, kFloating,
         ops::upsample_nearest1d_backward_grad_input, ops::upsample_nearest1d_backward>(library);
  kernel<meta::structured_upsample_nearest2d, kFloating, ops::upsample_nearest2d_out,
         ops::upsample_nearest2d>(library);
  kernel<meta::structured_upsample_nearest2d_backward, kFloating,
         ops::upsample_nearest2d_backward_grad_input, ops::upsample_nearest2d_backward>(library);
  kernel<meta::structured_upsample_nearest3d, kFloating, ops::upsample_nearest3d_out,
         ops::upsample_nearest3d>(library);
  kernel<meta::structured_upsample_nearest3d_backward, kFloating,
         ops::upsample_nearest3d_backward_grad_input, ops::upsample_nearest3d_backward>(library);
  kernel<meta::structured__upsample_nearest_exact1d, kFloating, ops::_upsample_nearest_exact1d_out,
         ops::_upsample_nearest_exact1d>(library);
  kernel<meta::structured__upsample_nearest_exact1d_backward, kFloating,
         ops::_upsample_nearest_exact1d_backward_grad_input,
         ops::_upsample_nearest_exact1d_backward>(library);
  kernel<meta::structured__upsample_nearest_exact2d, kFloating, ops::_upsample_nearest_exact2d_out,
         ops::_upsample_nearest_exact2d>(library);
  kernel<meta::structured__upsample_nearest_exact2d_backward, kFloating,
         ops::_upsample_nearest_exact2d_backward_grad_input,
         ops::_upsample_nearest_exact2d_backward>(library);
  kernel<meta::structured__upsample_nearest_exact3d, kFloating, ops::_upsample_nearest_exact3d_out,
         ops::_upsample_nearest_exact3d>(library);
  kernel<meta::structured__upsample_nearest_exact3d_backward, kFloating,
         ops::_upsample_nearest_exact3d_backward_grad_input,
         ops::_upsample_nearest_exact3d_backward>(library);
  kernel<meta::structured_upsample_linear1d, kFloating, ops::upsample_linear1d_out,
         ops::upsample_linear1d>(library);
  kernel<meta::structured_upsample_linear1d_backward, kFloating,
         ops::upsample_linear1d_backward_grad_input, ops::upsample_linear1d_backward>(library);
  kernel<meta::structured_upsample_bilinear2d, kFloating, ops::upsample_bilinear2d_out,
         ops::upsample_bilinear2d>(library);
  kernel<meta::structured_upsample_bilinear2d_backward, kFloating,
         ops::upsample_bilinear2d_backward_grad_input, ops::upsample_bilinear2d_backward>(library);
  kernel<meta::structured_upsample_trilinear3d, kFloating, ops::upsample_trilinear3d_out,
         ops::upsample_trilinear3d>(library);
  kernel<meta::structured_upsample_trilinear3d_backward, kFloating,
         ops::upsample_trilinear3d_backward_grad_input, ops::upsample_trilinear3d_backward>(
      library);
  kernel<meta::structured_upsample_bicubic2d, kFloating, ops::upsample_bicubic2d_out,
         ops::upsample_bicubic2d>(library);
  kernel<meta::structured_upsample_bicubic2d_backward, kFloating,
         ops::upsample_bicubic2d_backward_grad_input, ops::upsample_bicubic2d_backward>(library);
  kernel<meta::structured_reflection_pad1d, kFloating, ops::reflection_pad1d_out,
         ops::reflection_pad1d>(library);
  kernel<meta::structured_reflection_pad1d_backward, kFloating,
         ops::reflection_pad1d_backward_grad_input, ops::reflection_pad1d_backward>(library);
  kernel<meta::structured_reflection_pad3d, kFloating, Internal<ops::reflection_pad3d_out>,
         ops::reflection_pad3d>(library);
  kernel<meta::structured_reflection_pad3d_backward, kFloating,
         Internal<ops::reflection_pad3d_backward_grad_input>, ops::reflection_pad3d_backward>(
      library);
  kernel<meta::structured_replication_pad1d, kFloating, ops::replication_pad1d_out,
         ops::replication_pad1d>(library);
  kernel<meta::structured_replication_pad2d, kFloating, Internal<ops::replication_pad2d_out>,
         ops::replication_pad2d>(library);
  kernel<meta::structured_replication_pad3d, kFloating, Internal<ops::replication_pad3d_out>,
         ops::replication_pad3d>(library);
  kernel<meta::structured_replication_pad1d_backward, kFloating,
         ops::replication_pad1d_backward_grad_input, ops::replication_pad1d_backward>(library);
  constexpr Gate same(kFloating, kLikeFirst);
  kernel<ReflectionPad2dShape, kFloating, Copied<ops::reflection_pad2d>, ops::reflection_pad2d>(
      library);
  kernel<PaddingBackwardShape<2>, same, Copied<ops::reflection_pad2d_backward>,
         ops::reflection_pad2d_backward>(library);
  kernel<PaddingBackwardShape<2>, same, Copied<ops::replication_pad2d_backward>,
         ops::replication_pad2d_backward>(library);
  kernel<PaddingBackwardShape<3>, same, Copied<ops::replication_pad3d_backward>,
         ops::replication_pad3d_backward>(library);
}

}  // namespace xpu_runtime::kernels
