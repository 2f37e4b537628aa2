#include "runtime/kernels/shape_function.h"

#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>

namespace xpu_runtime::kernels {

void ShapeFunction::place_like(std::int64_t index, const at::Tensor& tensor) {
  if (tensor.is_non_overlapping_and_dense()) {
    set_output_raw_strided(index, tensor.sizes(), tensor.strides(), tensor.options());
  } else {
    set_output_raw_strided(index, tensor.sizes(),
                           at::infer_dense_strides(tensor.sizes(), tensor.strides()),
                           tensor.options());
  }
}

bool OverwriteShape::is_writable(const at::Tensor& self) {
  return self.is_xpu() && at::has_internal_overlap(self) == at::MemOverlap::No;
}

}  // namespace xpu_runtime::kernels
