#include "runtime/kernels/tables.h"

#include <ATen/ops/_addmm_activation_meta.h>
#include <ATen/ops/addmm_meta.h>
#include <ATen/ops/addmv_meta.h>
#include <ATen/ops/baddbmm_meta.h>
#include <ATen/ops/bmm_meta.h>
#include <ATen/ops/mm_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace meta = at::meta;

void matmul_kernels(torch::Library& library) {
  kernel<meta::structured_mm, kNumeric, ops::mm_out, ops::mm>(library);
  kernel<meta::structured_addmm, kNumeric, ops::addmm_out, ops::addmm, ops::addmm_>(library);
  kernel<meta::structured_bmm, kNumeric, ops::bmm_out, ops::bmm>(library);
  kernel<meta::structured_baddbmm, kNumeric, ops::baddbmm_out, ops::baddbmm, ops::baddbmm_>(library);
  kernel<meta::structured_addmv, kNumeric, ops::addmv_out, ops::addmv, ops::addmv_>(library);
  kernel<meta::structured__addmm_activation, kFloating, ops::_addmm_activation_out, ops::_addmm_activation>(library);
}

}  // namespace xpu_runtime::kernels
