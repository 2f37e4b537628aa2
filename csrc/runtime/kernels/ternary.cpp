#include "runtime/kernels/tables.h"

#include <ATen/ops/addcdiv_meta.h>
#include <ATen/ops/addcmul_meta.h>
#include <ATen/ops/lerp_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace meta = at::meta;

void ternary_kernels(torch::Library& library) {
  kernel<meta::structured_addcmul, kNumeric, ops::addcmul_out, ops::addcmul, ops::addcmul_>(
      library);
  kernel<meta::structured_addcdiv, kFloating | kComplex, ops::addcdiv_out, ops::addcdiv,
         ops::addcdiv_>(library);
  kernel<meta::structured_lerp_Scalar, kFloating | kComplex, ops::lerp_Scalar_out, ops::lerp_Scalar,
         ops::lerp__Scalar>(library);
  kernel<meta::structured_lerp_Tensor, kFloating | kComplex, ops::lerp_Tensor_out, ops::lerp_Tensor,
         ops::lerp__Tensor>(library);
}

}  // namespace xpu_runtime::kernels
