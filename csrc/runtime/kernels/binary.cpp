#include "runtime/kernels/tables.h"

#include <ATen/ops/add_meta.h>
#include <ATen/ops/atan2_meta.h>
#include <ATen/ops/bitwise_and_meta.h>
#include <ATen/ops/bitwise_left_shift_meta.h>
#include <ATen/ops/bitwise_or_meta.h>
#include <ATen/ops/bitwise_right_shift_meta.h>
#include <ATen/ops/bitwise_xor_meta.h>
#include <ATen/ops/copysign_meta.h>
#include <ATen/ops/div_meta.h>
#include <ATen/ops/fmax_meta.h>
#include <ATen/ops/fmin_meta.h>
#include <ATen/ops/fmod_meta.h>
#include <ATen/ops/gcd_meta.h>
#include <ATen/ops/heaviside_meta.h>
#include <ATen/ops/hypot_meta.h>
#include <ATen/ops/igamma_meta.h>
#include <ATen/ops/igammac_meta.h>
#include <ATen/ops/lcm_meta.h>
#include <ATen/ops/logaddexp2_meta.h>
#include <ATen/ops/logaddexp_meta.h>
#include <ATen/ops/maximum_meta.h>
#include <ATen/ops/minimum_meta.h>
#include <ATen/ops/mul_meta.h>
#include <ATen/ops/nextafter_meta.h>
#include <ATen/ops/pow_meta.h>
#include <ATen/ops/remainder_meta.h>
#include <ATen/ops/sub_meta.h>
#include <ATen/ops/xlogy_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace meta = at::meta;

void binary_kernels(torch::Library& library) {
  kernel<meta::structured_add_Tensor, kAll, ops::add_out, ops::add_Tensor, ops::add__Tensor>(
      library);
  kernel<meta::structured_sub_Tensor, kAll, ops::sub_out, ops::sub_Tensor, ops::sub__Tensor>(
      library);
  kernel<meta::structured_mul_Tensor, kAll, ops::mul_out, ops::mul_Tensor, ops::mul__Tensor>(
      library);
  kernel<meta::structured_div_Tensor, kAll, ops::div_out, ops::div_Tensor, ops::div__Tensor>(
      library);
  kernel<meta::structured_div_Tensor_mode, kReal, ops::div_out_mode, ops::div_Tensor_mode,
         ops::div__Tensor_mode>(library);
  kernel<meta::structured_pow_Tensor_Tensor, kNumeric, ops::pow_Tensor_Tensor_out,
         ops::pow_Tensor_Tensor, ops::pow__Tensor>(library);
  kernel<meta::structured_pow_Tensor_Scalar, kNumeric, ops::pow_Tensor_Scalar_out,
         ops::pow_Tensor_Scalar, ops::pow__Scalar>(library);
  kernel<meta::structured_pow_Scalar, kNumeric, Internal<ops::pow_Scalar_out>, ops::pow_Scalar>(
      library);
  kernel<meta::structured_remainder_Tensor, kReal, ops::remainder_Tensor_out, ops::remainder_Tensor,
         ops::remainder__Tensor>(library);
  kernel<meta::structured_fmod_Tensor, kReal, ops::fmod_Tensor_out, ops::fmod_Tensor,
         ops::fmod__Tensor>(library);
  kernel<meta::structured_bitwise_and_Tensor, kIntegral | kBool, ops::bitwise_and_Tensor_out,
         ops::bitwise_and_Tensor, ops::bitwise_and__Tensor>(library);
  kernel<meta::structured_bitwise_or_Tensor, kIntegral | kBool, ops::bitwise_or_Tensor_out,
         ops::bitwise_or_Tensor, ops::bitwise_or__Tensor>(library);
  kernel<meta::structured_bitwise_xor_Tensor, kIntegral | kBool, ops::bitwise_xor_Tensor_out,
         ops::bitwise_xor_Tensor, ops::bitwise_xor__Tensor>(library);
  kernel<meta::structured_bitwise_left_shift_Tensor, kIntegral, ops::bitwise_left_shift_Tensor_out,
         ops::bitwise_left_shift_Tensor, ops::bitwise_left_shift__Tensor>(library);
  kernel<meta::structured_bitwise_right_shift_Tensor, kIntegral,
         ops::bitwise_right_shift_Tensor_out, ops::bitwise_right_shift_Tensor,
         ops::bitwise_right_shift__Tensor>(library);
  kernel<meta::structured_gcd, kIntegral, ops::gcd_out, ops::gcd, ops::gcd_>(library);
  kernel<meta::structured_lcm, kIntegral, ops::lcm_out, ops::lcm, ops::lcm_>(library);
  kernel<meta::structured_maximum, kOrdered, ops::maximum_out, ops::maximum>(library);
  kernel<meta::structured_minimum, kOrdered, ops::minimum_out, ops::minimum>(library);
  kernel<meta::structured_fmax, kOrdered, ops::fmax_out, ops::fmax>(library);
  kernel<meta::structured_fmin, kOrdered, ops::fmin_out, ops::fmin>(library);
  kernel<meta::structured_atan2, kOrdered, ops::atan2_out, ops::atan2, ops::atan2_>(library);
  kernel<meta::structured_heaviside, kOrdered, ops::heaviside_out, ops::heaviside, ops::heaviside_>(
      library);
  kernel<meta::structured_copysign_Tensor, kOrdered, ops::copysign_out, ops::copysign_Tensor,
         ops::copysign__Tensor>(library);
  kernel<meta::structured_xlogy_Tensor, kOrdered, ops::xlogy_OutTensor, ops::xlogy_Tensor,
         ops::xlogy__Tensor>(library);
  kernel<meta::structured_hypot, kFloating, ops::hypot_out, ops::hypot, ops::hypot_>(library);
  kernel<meta::structured_nextafter, kFloating, ops::nextafter_out, ops::nextafter,
         ops::nextafter_>(library);
  kernel<meta::structured_igamma, kFloating, ops::igamma_out, ops::igamma, ops::igamma_>(library);
  kernel<meta::structured_igammac, kFloating, ops::igammac_out, ops::igammac, ops::igammac_>(
      library);
  kernel<meta::structured_logaddexp, kFloating, ops::logaddexp_out, ops::logaddexp>(library);
  kernel<meta::structured_logaddexp2, kFloating, ops::logaddexp2_out, ops::logaddexp2>(library);
}

}  // namespace xpu_runtime::kernels
