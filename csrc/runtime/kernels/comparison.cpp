#include "runtime/kernels/tables.h"

#include <ATen/ops/clamp_max_meta.h>
#include <ATen/ops/clamp_meta.h>
#include <ATen/ops/clamp_min_meta.h>
#include <ATen/ops/eq_meta.h>
#include <ATen/ops/ge_meta.h>
#include <ATen/ops/gt_meta.h>
#include <ATen/ops/isin_meta.h>
#include <ATen/ops/le_meta.h>
#include <ATen/ops/lt_meta.h>
#include <ATen/ops/ne_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace meta = at::meta;

void comparison_kernels(torch::Library& library) {
  kernel<meta::structured_eq_Tensor, kAll, ops::eq_Tensor_out, ops::eq_Tensor, ops::eq__Tensor>(
      library);
  kernel<meta::structured_eq_Scalar, kAll, ops::eq_Scalar_out, ops::eq_Scalar, ops::eq__Scalar>(
      library);
  kernel<meta::structured_ne_Tensor, kAll, ops::ne_Tensor_out, ops::ne_Tensor, ops::ne__Tensor>(
      library);
  kernel<meta::structured_ne_Scalar, kAll, ops::ne_Scalar_out, ops::ne_Scalar, ops::ne__Scalar>(
      library);
  kernel<meta::structured_lt_Tensor, kOrdered, ops::lt_Tensor_out, ops::lt_Tensor, ops::lt__Tensor>(
      library);
  kernel<meta::structured_lt_Scalar, kOrdered, ops::lt_Scalar_out, ops::lt_Scalar, ops::lt__Scalar>(
      library);
  kernel<meta::structured_le_Tensor, kOrdered, ops::le_Tensor_out, ops::le_Tensor, ops::le__Tensor>(
      library);
  kernel<meta::structured_le_Scalar, kOrdered, ops::le_Scalar_out, ops::le_Scalar, ops::le__Scalar>(
      library);
  kernel<meta::structured_gt_Tensor, kOrdered, ops::gt_Tensor_out, ops::gt_Tensor, ops::gt__Tensor>(
      library);
  kernel<meta::structured_gt_Scalar, kOrdered, ops::gt_Scalar_out, ops::gt_Scalar, ops::gt__Scalar>(
      library);
  kernel<meta::structured_ge_Tensor, kOrdered, ops::ge_Tensor_out, ops::ge_Tensor, ops::ge__Tensor>(
      library);
  kernel<meta::structured_ge_Scalar, kOrdered, ops::ge_Scalar_out, ops::ge_Scalar, ops::ge__Scalar>(
      library);
  kernel<meta::structured_clamp, kReal, ops::clamp_out, ops::clamp, ops::clamp_>(library);
  kernel<meta::structured_clamp_Tensor, kReal, ops::clamp_Tensor_out, ops::clamp_Tensor,
         ops::clamp__Tensor>(library);
  kernel<meta::structured_clamp_min, kOrdered, ops::clamp_min_out, ops::clamp_min, ops::clamp_min_>(
      library);
  kernel<meta::structured_clamp_min_Tensor, kOrdered, ops::clamp_min_Tensor_out,
         ops::clamp_min_Tensor, ops::clamp_min__Tensor>(library);
  kernel<meta::structured_clamp_max, kOrdered, ops::clamp_max_out, ops::clamp_max, ops::clamp_max_>(
      library);
  kernel<meta::structured_clamp_max_Tensor, kOrdered, ops::clamp_max_Tensor_out,
         ops::clamp_max_Tensor, ops::clamp_max__Tensor>(library);
  kernel<meta::structured_isin_Tensor_Tensor, kReal, ops::isin_Tensor_Tensor_out,
         ops::isin_Tensor_Tensor>(library);
  kernel<meta::structured_isin_Tensor_Scalar, kReal, ops::isin_Tensor_Scalar_out,
         ops::isin_Tensor_Scalar>(library);
}

}  // namespace xpu_runtime::kernels
