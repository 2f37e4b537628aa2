#include "runtime/kernels/tables.h"

#include <ATen/ops/all_meta.h>
#include <ATen/ops/amax_meta.h>
#include <ATen/ops/amin_meta.h>
#include <ATen/ops/aminmax_meta.h>
#include <ATen/ops/any_meta.h>
#include <ATen/ops/argmax_meta.h>
#include <ATen/ops/argmin_meta.h>
#include <ATen/ops/cumprod_meta.h>
#include <ATen/ops/cumsum_meta.h>
#include <ATen/ops/linalg_cross_meta.h>
#include <ATen/ops/linalg_vector_norm_meta.h>
#include <ATen/ops/max_meta.h>
#include <ATen/ops/mean_meta.h>
#include <ATen/ops/min_meta.h>
#include <ATen/ops/norm_meta.h>
#include <ATen/ops/prod_meta.h>
#include <ATen/ops/sort_meta.h>
#include <ATen/ops/sum_meta.h>
#include <ATen/ops/topk_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;

struct NormShape : meta::structured_norm_ScalarOpt_dim_dtype {
  static bool supports(const at::Tensor& self, at::OptionalScalarRef /*p*/, at::IntArrayRef /*dim*/,
                       bool /*keepdim*/, at::ScalarType dtype) {
    return at::isFloatingType(dtype) && at::promoteTypes(self.scalar_type(), dtype) == dtype;
  }
};

}  // namespace

void reduction_kernels(torch::Library& library) {
  constexpr Gate averaging = Gate(kFloating | kComplex).writing(kLikeFirst);
  kernel<meta::structured_sum_dim_IntList, kAll, ops::sum_IntList_out, ops::sum_dim_IntList>(
      library);
  kernel<meta::structured_mean_dim, averaging, ops::mean_out, ops::mean_dim>(library);
  kernel<meta::structured_prod_dim_int, kAll, ops::prod_int_out, ops::prod_dim_int>(library);
  kernel<meta::structured_amax, kOrdered, ops::amax_out, ops::amax>(library);
  kernel<meta::structured_amin, kOrdered, ops::amin_out, ops::amin>(library);
  kernel<meta::structured_aminmax, kOrdered, ops::aminmax_out, ops::aminmax>(library);
  kernel<meta::structured_max_dim, kOrdered, ops::max_dim_max, ops::max_dim>(library);
  kernel<meta::structured_min_dim, kOrdered, ops::min_dim_min, ops::min_dim>(library);
  kernel<meta::structured_argmax, kReal, ops::argmax_out, ops::argmax>(library);
  kernel<meta::structured_argmin, kReal, ops::argmin_out, ops::argmin>(library);
  kernel<meta::structured_all_dim, kAll, ops::all_out, ops::all_dim>(library);
  kernel<meta::structured_all_dims, kAll, ops::all_dims_out, ops::all_dims>(library);
  kernel<meta::structured_all, kAll, ops::all_all_out, ops::all>(library);
  kernel<meta::structured_any_dim, kAll, ops::any_out, ops::any_dim>(library);
  kernel<meta::structured_any_dims, kAll, ops::any_dims_out, ops::any_dims>(library);
  kernel<meta::structured_any, kAll, ops::any_all_out, ops::any>(library);
  kernel<meta::structured_norm_ScalarOpt_dim, averaging, ops::norm_out, ops::norm_ScalarOpt_dim>(
      library);
  kernel<NormShape, kFloating, Internal<ops::norm_dtype_out>, ops::norm_ScalarOpt_dim_dtype>(
      library);
  kernel<meta::structured_linalg_cross, Gate(kNumeric, kLikeFirst), ops::linalg_cross_out,
         ops::linalg_cross>(library);
  kernel<meta::structured_linalg_vector_norm, kFloating | kComplex, ops::linalg_vector_norm_out,
         ops::linalg_vector_norm>(library);
  kernel<meta::structured_cumsum, kAll, ops::cumsum_out, ops::cumsum>(library);
  kernel<meta::structured_cumsum, kNumeric, InPlaceOnly, ops::cumsum_>(library);
  kernel<meta::structured_cumprod, kAll, ops::cumprod_out, ops::cumprod>(library);
  kernel<meta::structured_cumprod, kNumeric, InPlaceOnly, ops::cumprod_>(library);
  kernel<meta::structured_sort_stable, kOrdered, ops::sort_values_stable, ops::sort_stable>(
      library);
  kernel<meta::structured_topk, kReal, ops::topk_values, ops::topk>(library);
}

}  // namespace xpu_runtime::kernels
