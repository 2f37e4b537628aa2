#pragma once

#include <torch/library.h>

/// Every table registers its kernels on a library of namespace aten and key XPU.
namespace xpu_runtime::kernels {

void activation_kernels(torch::Library& library);
void binary_kernels(torch::Library& library);
void comparison_kernels(torch::Library& library);
void convolution_kernels(torch::Library& library);
void elementwise_kernels(torch::Library& library);
void factory_kernels(torch::Library& library);
void foreach_kernels(torch::Library& library);
void fused_optimizer_kernels(torch::Library& library);
void indexing_kernels(torch::Library& library);
void loss_kernels(torch::Library& library);
void matmul_kernels(torch::Library& library);
void normalization_kernels(torch::Library& library);
void pooling_kernels(torch::Library& library);
void random_kernels(torch::Library& library);
void reduction_kernels(torch::Library& library);
void resample_kernels(torch::Library& library);
void softmax_kernels(torch::Library& library);
void statistics_kernels(torch::Library& library);
void ternary_kernels(torch::Library& library);
void unary_kernels(torch::Library& library);

}  // namespace xpu_runtime::kernels
