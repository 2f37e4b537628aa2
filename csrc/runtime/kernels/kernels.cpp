#include <torch/library.h>

#include "runtime/kernels/tables.h"

namespace xpu_runtime::kernels {

TORCH_LIBRARY_IMPL(aten, XPU, library) {
  activation_kernels(library);
  binary_kernels(library);
  comparison_kernels(library);
  convolution_kernels(library);
  elementwise_kernels(library);
  factory_kernels(library);
  foreach_kernels(library);
  fused_optimizer_kernels(library);
  indexing_kernels(library);
  loss_kernels(library);
  matmul_kernels(library);
  normalization_kernels(library);
  pooling_kernels(library);
  random_kernels(library);
  reduction_kernels(library);
  resample_kernels(library);
  softmax_kernels(library);
  statistics_kernels(library);
  ternary_kernels(library);
  unary_kernels(library);
}

}  // namespace xpu_runtime::kernels
