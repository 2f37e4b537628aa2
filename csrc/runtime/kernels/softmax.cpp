#include "runtime/kernels/tables.h"

#include <ATen/ops/_log_softmax_backward_data_meta.h>
#include <ATen/ops/_log_softmax_meta.h>
#include <ATen/ops/_softmax_backward_data_meta.h>
#include <ATen/ops/_softmax_meta.h>

#include "runtime/kernels/kernel.h"

namespace xpu_runtime::kernels {

namespace meta = at::meta;

void softmax_kernels(torch::Library& library) {
  kernel<meta::structured__softmax, kFloating, ops::_softmax_out, ops::_softmax>(library);
  kernel<meta::structured__log_softmax, kFloating, ops::_log_softmax_out, ops::_log_softmax>(
      library);
  kernel<meta::structured__softmax_backward_data, kFloating, ops::_softmax_backward_data_out,
         ops::_softmax_backward_data>(library);
  kernel<meta::structured__log_softmax_backward_data, kFloating,
         ops::_log_softmax_backward_data_out, ops::_log_softmax_backward_data>(library);
}

}  // namespace xpu_runtime::kernels
