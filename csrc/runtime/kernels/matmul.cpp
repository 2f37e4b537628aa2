#include "runtime/kernels/tables.h"

#include <ATen/ops/_addmm_activation_meta.h>
#include <ATen/ops/addmm_meta.h>
#include <ATen/ops/addmv_meta.h>
#include <ATen/ops/baddbmm_meta.h>
#include <ATen/ops/bmm_meta.h>
#include <ATen/ops/mm_meta.h>

#include <ATen/ExpandUtils.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/split.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;
using at::Tensor;

// ATen's shape functions leave it to the kernels to expand the tensor that is added. Calls with
// matrices that do not fit are let through: those the shape functions do refuse.
template <class Meta>
struct MatrixSum : Meta {
  template <class... Values>
  static bool supports(const Tensor& self, const Tensor& a, const Tensor& b,
                       const Values&... /*values*/) {
    const bool fits = a.dim() >= 2 && a.dim() == b.dim();
    at::DimVector sizes(a.sizes());
    if (fits) {
      sizes.back() = b.sizes().back();
    }
    return !fits || at::is_expandable_to(self.sizes(), sizes);
  }
};

struct VectorSum : meta::structured_addmv {
  static bool supports(const Tensor& self, const Tensor& matrix, const Tensor& /*vector*/,
                       const at::Scalar& /*beta*/, const at::Scalar& /*alpha*/) {
    return matrix.dim() != 2 || at::is_expandable_to(self.sizes(), matrix.sizes().slice(0, 1));
  }
};

// Of (..., m, k) times (..., k, n).
double multiplications(const Tensor& a, const Tensor& b) {
  return static_cast<double>(a.numel()) * static_cast<double>(b.size(-1));
}

// A product in slices of the first dimension of `a` and `out`, and of `b` where it is a batch.
template <class Op>
struct SplitProduct {
  static Tensor& redispatch(c10::DispatchKeySet keys, const Tensor& a, const Tensor& b,
                            Tensor& out) {
    in_parts(a.size(0), multiplications(a, b), [&](std::int64_t begin, std::int64_t count) {
      auto slice = out.narrow(0, begin, count);
      Op::redispatch(keys, a.narrow(0, begin, count), b.dim() == 3 ? b.narrow(0, begin, count) : b,
                     slice);
    });
    return out;
  }
};

}  // namespace

template <>
struct Split<ops::mm_out> : SplitProduct<ops::mm_out> {};
template <>
struct Split<ops::bmm_out> : SplitProduct<ops::bmm_out> {};

template <>
struct Split<ops::addmm_out> {
  static Tensor& redispatch(c10::DispatchKeySet keys, const Tensor& self, const Tensor& a,
                            const Tensor& b, const at::Scalar& beta, const at::Scalar& alpha,
                            Tensor& out) {
    const bool has_rows = self.dim() == 2 && self.size(0) == a.size(0);
    in_parts(a.size(0), multiplications(a, b), [&](std::int64_t begin, std::int64_t count) {
      auto rows = out.narrow(0, begin, count);
      ops::addmm_out::redispatch(keys, has_rows ? self.narrow(0, begin, count) : self,
                                 a.narrow(0, begin, count), b, beta, alpha, rows);
    });
    return out;
  }
};

void matmul_kernels(torch::Library& library) {
  constexpr Gate same(kNumeric, kLikeFirst);
  kernel<meta::structured_mm, same, ops::mm_out, ops::mm>(library);
  kernel<MatrixSum<meta::structured_addmm>, same, ops::addmm_out, ops::addmm, ops::addmm_>(library);
  kernel<meta::structured_bmm, same, ops::bmm_out, ops::bmm>(library);
  kernel<MatrixSum<meta::structured_baddbmm>, same, ops::baddbmm_out, ops::baddbmm, ops::baddbmm_>(
      library);
  kernel<VectorSum, same, ops::addmv_out, ops::addmv, ops::addmv_>(library);
  kernel<MatrixSum<meta::structured__addmm_activation>, Gate(kFloating, kLikeFirst),
         ops::_addmm_activation_out, ops::_addmm_activation>(library);
}

}  // namespace xpu_runtime::kernels
