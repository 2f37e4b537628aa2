#include "runtime/kernels/tables.h"

#include <ATen/ops/acos_meta.h>
#include <ATen/ops/acosh_meta.h>
#include <ATen/ops/asin_meta.h>
#include <ATen/ops/asinh_meta.h>
#include <ATen/ops/atan_meta.h>
#include <ATen/ops/atanh_meta.h>
#include <ATen/ops/bitwise_not_meta.h>
#include <ATen/ops/ceil_meta.h>
#include <ATen/ops/cos_meta.h>
#include <ATen/ops/cosh_meta.h>
#include <ATen/ops/digamma_meta.h>
#include <ATen/ops/erf_meta.h>
#include <ATen/ops/erfc_meta.h>
#include <ATen/ops/erfinv_meta.h>
#include <ATen/ops/exp2_meta.h>
#include <ATen/ops/exp_meta.h>
#include <ATen/ops/expm1_meta.h>
#include <ATen/ops/floor_meta.h>
#include <ATen/ops/frac_meta.h>
#include <ATen/ops/i0_meta.h>
#include <ATen/ops/isneginf_meta.h>
#include <ATen/ops/isposinf_meta.h>
#include <ATen/ops/lgamma_meta.h>
#include <ATen/ops/log10_meta.h>
#include <ATen/ops/log1p_meta.h>
#include <ATen/ops/log2_meta.h>
#include <ATen/ops/log_meta.h>
#include <ATen/ops/neg_meta.h>
#include <ATen/ops/reciprocal_meta.h>
#include <ATen/ops/round_meta.h>
#include <ATen/ops/rsqrt_meta.h>
#include <ATen/ops/sgn_meta.h>
#include <ATen/ops/sigmoid_meta.h>
#include <ATen/ops/sign_meta.h>
#include <ATen/ops/signbit_meta.h>
#include <ATen/ops/sin_meta.h>
#include <ATen/ops/sinc_meta.h>
#include <ATen/ops/sinh_meta.h>
#include <ATen/ops/sqrt_meta.h>
#include <ATen/ops/tan_meta.h>
#include <ATen/ops/tanh_meta.h>
#include <ATen/ops/trunc_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace meta = at::meta;

void unary_kernels(torch::Library& library) {
  kernel<meta::structured_acos, kAll, ops::acos_out, ops::acos, ops::acos_>(library);
  kernel<meta::structured_acosh, kAll, ops::acosh_out, ops::acosh, ops::acosh_>(library);
  kernel<meta::structured_asin, kAll, ops::asin_out, ops::asin, ops::asin_>(library);
  kernel<meta::structured_asinh, kAll, ops::asinh_out, ops::asinh, ops::asinh_>(library);
  kernel<meta::structured_atan, kAll, ops::atan_out, ops::atan, ops::atan_>(library);
  kernel<meta::structured_atanh, kAll, ops::atanh_out, ops::atanh, ops::atanh_>(library);
  kernel<meta::structured_cos, kAll, ops::cos_out, ops::cos, ops::cos_>(library);
  kernel<meta::structured_cosh, kAll, ops::cosh_out, ops::cosh, ops::cosh_>(library);
  kernel<meta::structured_exp, kAll, ops::exp_out, ops::exp, ops::exp_>(library);
  kernel<meta::structured_exp2, kAll, ops::exp2_out, ops::exp2, ops::exp2_>(library);
  kernel<meta::structured_expm1, kAll, ops::expm1_out, ops::expm1, ops::expm1_>(library);
  kernel<meta::structured_log, kAll, ops::log_out, ops::log, ops::log_>(library);
  kernel<meta::structured_log10, kAll, ops::log10_out, ops::log10, ops::log10_>(library);
  kernel<meta::structured_log1p, kAll, ops::log1p_out, ops::log1p, ops::log1p_>(library);
  kernel<meta::structured_log2, kAll, ops::log2_out, ops::log2, ops::log2_>(library);
  kernel<meta::structured_reciprocal, kAll, ops::reciprocal_out, ops::reciprocal, ops::reciprocal_>(
      library);
  kernel<meta::structured_rsqrt, kAll, ops::rsqrt_out, ops::rsqrt, ops::rsqrt_>(library);
  kernel<meta::structured_sgn, kAll, ops::sgn_out, ops::sgn, ops::sgn_>(library);
  kernel<meta::structured_sigmoid, kAll, ops::sigmoid_out, ops::sigmoid, ops::sigmoid_>(library);
  kernel<meta::structured_sin, kAll, ops::sin_out, ops::sin, ops::sin_>(library);
  kernel<meta::structured_sinc, kAll, ops::sinc_out, ops::sinc, ops::sinc_>(library);
  kernel<meta::structured_sinh, kAll, ops::sinh_out, ops::sinh, ops::sinh_>(library);
  kernel<meta::structured_sqrt, kAll, ops::sqrt_out, ops::sqrt, ops::sqrt_>(library);
  kernel<meta::structured_tan, kAll, ops::tan_out, ops::tan, ops::tan_>(library);
  kernel<meta::structured_tanh, kAll, ops::tanh_out, ops::tanh, ops::tanh_>(library);
  kernel<meta::structured_digamma, kOrdered, ops::digamma_out, ops::digamma, ops::digamma_>(
      library);
  kernel<meta::structured_erf, kOrdered, ops::erf_out, ops::erf, ops::erf_>(library);
  kernel<meta::structured_erfc, kOrdered, ops::erfc_out, ops::erfc, ops::erfc_>(library);
  kernel<meta::structured_erfinv, kOrdered, ops::erfinv_out, ops::erfinv, ops::erfinv_>(library);
  kernel<meta::structured_i0, kOrdered, ops::i0_out, ops::i0, ops::i0_>(library);
  kernel<meta::structured_lgamma, kOrdered, ops::lgamma_out, ops::lgamma, ops::lgamma_>(library);
  kernel<meta::structured_sign, kOrdered, ops::sign_out, ops::sign, ops::sign_>(library);
  kernel<meta::structured_neg, kNumeric, ops::neg_out, ops::neg, ops::neg_>(library);
  kernel<meta::structured_ceil, kReal, ops::ceil_out, ops::ceil, ops::ceil_>(library);
  kernel<meta::structured_floor, kReal, ops::floor_out, ops::floor, ops::floor_>(library);
  kernel<meta::structured_round, kReal, ops::round_out, ops::round, ops::round_>(library);
  kernel<meta::structured_trunc, kReal, ops::trunc_out, ops::trunc, ops::trunc_>(library);
  kernel<meta::structured_round_decimals, kFloating, ops::round_decimals_out, ops::round_decimals,
         ops::round__decimals>(library);
  kernel<meta::structured_frac, kFloating, ops::frac_out, ops::frac, ops::frac_>(library);
  kernel<meta::structured_bitwise_not, kIntegral | kBool, ops::bitwise_not_out, ops::bitwise_not,
         ops::bitwise_not_>(library);
  kernel<meta::structured_isneginf, kOrdered, ops::isneginf_out, ops::isneginf>(library);
  kernel<meta::structured_isposinf, kOrdered, ops::isposinf_out, ops::isposinf>(library);
  kernel<meta::structured_signbit, kOrdered, ops::signbit_out, ops::signbit>(library);
}

}  // namespace xpu_runtime::kernels
