#include <ATen/WrapDimUtils.h>
#include <ATen/native/ReduceOpsUtils.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/shape_function.h"
#include "runtime/kernels/tables.h"

// Reductions that have no shape function in ATen.
namespace xpu_runtime::kernels {
namespace {

using at::Tensor;

template <int outputs>
struct VarianceShape : ShapeFunction {
  void meta(const Tensor& self, at::OptionalIntArrayRef dim, at::OptionalScalarRef /*correction*/,
            bool keepdim) {
    auto dims = at::native::make_dim_vector(dim, self.dim());
    at::maybe_wrap_dims(dims, self.dim());
    const auto sizes = at::meta::get_reduction_shape(self, dims, keepdim);
    for (int index = 0; index < outputs; ++index) {
      place(index, sizes, self.options());
    }
  }
};

// Over all elements, in the dtype that sums have.
struct ProductShape : ShapeFunction {
  void meta(const Tensor& self, std::optional<c10::ScalarType> dtype) {
    const auto own = self.scalar_type();
    const auto promoted = at::isIntegralType(own, /*includeBool=*/true) ? at::kLong : own;
    place(0, {}, self.options().dtype(dtype.value_or(promoted)));
  }
};

// The largest or smallest of all elements.
struct ExtremumShape : ShapeFunction {
  static bool supports(const Tensor& self) { return self.numel() > 0; }
  void meta(const Tensor& self) { place(0, {}, self.options()); }
};

struct DotShape : ShapeFunction {
  static bool supports(const Tensor& self, const Tensor& other) {
    return self.dim() == 1 && self.sizes() == other.sizes();
  }
  void meta(const Tensor& self, const Tensor& /*other*/) { place(0, {}, self.options()); }
};

}  // namespace

void statistics_kernels(torch::Library& library) {
  constexpr Gate same = Gate(kNumeric, kLikeFirst).writing(kLikeFirst);
  constexpr Gate variance = Gate(kFloating).writing(kLikeFirst);
  constexpr Gate extremum = Gate(kOrdered).writing(kLikeFirst);
  constexpr Gate product = Gate(kAll).writing(kLikeFirst);
  kernel<VarianceShape<1>, variance, ops::var_correction_out, ops::var_correction>(library);
  kernel<VarianceShape<1>, variance, ops::std_correction_out, ops::std_correction>(library);
  kernel<VarianceShape<2>, variance, ops::var_mean_correction_out, ops::var_mean_correction>(
      library);
  kernel<VarianceShape<2>, variance, ops::std_mean_correction_out, ops::std_mean_correction>(
      library);
  kernel<ProductShape, product, ops::prod_out, ops::prod>(library);
  kernel<ExtremumShape, extremum, ops::max_unary_out, ops::max>(library);
  kernel<ExtremumShape, extremum, ops::min_unary_out, ops::min>(library);
  kernel<DotShape, same, ops::dot_out, ops::dot>(library);
  kernel<DotShape, same, ops::vdot_out, ops::vdot>(library);
}

}  // namespace xpu_runtime::kernels
