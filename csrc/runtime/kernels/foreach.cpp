#include "runtime/kernels/foreach.h"

#include <ATen/ExpandUtils.h>

#include <algorithm>

#include "runtime/kernels/dtypes.h"
#include "runtime/kernels/tables.h"

namespace xpu_runtime::kernels {

void ListInspection::argument(at::TensorList list) {
  if (first_.empty()) {
    first_ = list;
    uniform_ = uniform_ && std::all_of(list.begin(), list.end(), [&](const at::Tensor& tensor) {
                 return tensor.is_xpu() && tensor.device() == list.front().device() &&
                        kFloating.holds(tensor.scalar_type()) &&
                        tensor.is_non_overlapping_and_dense();
               });
  } else {
    const bool absent = lists_ == Lists::optimizer && list.empty();
    uniform_ = uniform_ && (absent || (list.size() == first_.size() &&
                                       std::equal(list.begin(), list.end(), first_.begin(),
                                                  [this](const auto& tensor, const auto& first) {
                                                    return fits(tensor, first);
                                                  })));
  }
}

bool ListInspection::fits(const at::Tensor& tensor, const at::Tensor& first) const {
  if (tensor.device() != first.device()) {
    return false;
  }
  if (lists_ == Lists::optimizer && tensor.dim() == 0 && tensor.scalar_type() == at::kFloat) {
    return true;
  }
  return tensor.scalar_type() == first.scalar_type() && tensor.sizes() == first.sizes();
}

// Beside lists: a number that may live on either device.
void ListInspection::argument(const at::Tensor& tensor) {
  uniform_ = uniform_ && tensor.dim() == 0 && !tensor.is_complex() &&
             (tensor.is_cpu() || tensor.device() == device());
}

void ListInspection::argument(const std::optional<at::Tensor>& tensor) {
  if (tensor.has_value() && tensor->defined()) {
    uniform_ = uniform_ && tensor->numel() == 1 && tensor->device() == device();
  }
}

void ListInspection::argument(at::ArrayRef<at::Scalar> scalars) {
  uniform_ = uniform_ && scalars.size() == first_.size() &&
             std::none_of(scalars.begin(), scalars.end(),
                          [](const at::Scalar& scalar) { return scalar.isComplex(); });
}

std::vector<at::Tensor> allocate_like(at::TensorList list) {
  std::vector<at::Tensor> result;
  result.reserve(list.size());
  for (const at::Tensor& tensor : list) {
    result.push_back(allocate(tensor.sizes(), tensor.strides(), tensor.options()));
  }
  return result;
}

namespace {

std::vector<at::Tensor> norms(at::TensorList self, const at::Scalar& order,
                              std::optional<at::ScalarType> dtype) {
  using Op = ops::_foreach_norm_Scalar;
  const ListInspection inspection(Lists::alike, self, order);
  const auto is_empty = [](const at::Tensor& tensor) { return tensor.numel() == 0; };
  if (!inspection.uniform() || dtype.has_value() ||
      std::any_of(self.begin(), self.end(), is_empty)) {
    return one_by_one<Op>(self, order, dtype);
  }
  const c10::DeviceGuard guard(inspection.device());
  std::vector<at::Tensor> results;
  results.reserve(self.size());
  for (const at::Tensor& tensor : self) {
    results.push_back(allocate({}, {}, tensor.options()));
  }
  launch<ops::_foreach_norm_Scalar_out>(Op::name, self, order, dtype, results);
  return results;
}

template <class Op>
void foreach_in_place(torch::Library& library) {
  library.impl(schema_name<Op>().c_str(), &ForeachInPlace<Op>::call);
}

template <class Op>
void fused_step(torch::Library& library) {
  library.impl(schema_name<Op>().c_str(), &FusedStep<Op>::call);
}

}  // namespace

void foreach_kernels(torch::Library& library) {
  foreach_kernel<ops::_foreach_abs_, ops::_foreach_abs, ops::_foreach_abs_out>(library);
  foreach_kernel<ops::_foreach_exp_, ops::_foreach_exp, ops::_foreach_exp_out>(library);
  foreach_kernel<ops::_foreach_neg_, ops::_foreach_neg, ops::_foreach_neg_out>(library);
  foreach_kernel<ops::_foreach_reciprocal_, ops::_foreach_reciprocal, ops::_foreach_reciprocal_out>(
      library);
  foreach_kernel<ops::_foreach_rsqrt_, ops::_foreach_rsqrt, ops::_foreach_rsqrt_out>(library);
  foreach_kernel<ops::_foreach_sigmoid_, ops::_foreach_sigmoid, ops::_foreach_sigmoid_out>(library);
  foreach_kernel<ops::_foreach_sign_, ops::_foreach_sign, ops::_foreach_sign_out>(library);
  foreach_kernel<ops::_foreach_sqrt_, ops::_foreach_sqrt, ops::_foreach_sqrt_out>(library);
  foreach_kernel<ops::_foreach_add__Scalar, ops::_foreach_add_Scalar, ops::_foreach_add_Scalar_out>(
      library);
  foreach_kernel<ops::_foreach_add__List, ops::_foreach_add_List, ops::_foreach_add_List_out>(
      library);
  foreach_kernel<ops::_foreach_add__ScalarList, ops::_foreach_add_ScalarList,
                 ops::_foreach_add_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_sub__Scalar, ops::_foreach_sub_Scalar, ops::_foreach_sub_Scalar_out>(
      library);
  foreach_kernel<ops::_foreach_sub__List, ops::_foreach_sub_List, ops::_foreach_sub_List_out>(
      library);
  foreach_kernel<ops::_foreach_sub__ScalarList, ops::_foreach_sub_ScalarList,
                 ops::_foreach_sub_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_mul__Scalar, ops::_foreach_mul_Scalar, ops::_foreach_mul_Scalar_out>(
      library);
  foreach_kernel<ops::_foreach_mul__List, ops::_foreach_mul_List, ops::_foreach_mul_List_out>(
      library);
  foreach_kernel<ops::_foreach_mul__ScalarList, ops::_foreach_mul_ScalarList,
                 ops::_foreach_mul_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_div__Scalar, ops::_foreach_div_Scalar, ops::_foreach_div_Scalar_out>(
      library);
  foreach_kernel<ops::_foreach_div__List, ops::_foreach_div_List, ops::_foreach_div_List_out>(
      library);
  foreach_kernel<ops::_foreach_div__ScalarList, ops::_foreach_div_ScalarList,
                 ops::_foreach_div_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_maximum__Scalar, ops::_foreach_maximum_Scalar,
                 ops::_foreach_maximum_Scalar_out>(library);
  foreach_kernel<ops::_foreach_maximum__List, ops::_foreach_maximum_List,
                 ops::_foreach_maximum_List_out>(library);
  foreach_kernel<ops::_foreach_maximum__ScalarList, ops::_foreach_maximum_ScalarList,
                 ops::_foreach_maximum_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_minimum__Scalar, ops::_foreach_minimum_Scalar,
                 ops::_foreach_minimum_Scalar_out>(library);
  foreach_kernel<ops::_foreach_minimum__List, ops::_foreach_minimum_List,
                 ops::_foreach_minimum_List_out>(library);
  foreach_kernel<ops::_foreach_minimum__ScalarList, ops::_foreach_minimum_ScalarList,
                 ops::_foreach_minimum_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_clamp_min__Scalar, ops::_foreach_clamp_min_Scalar,
                 ops::_foreach_clamp_min_Scalar_out>(library);
  foreach_kernel<ops::_foreach_clamp_min__List, ops::_foreach_clamp_min_List,
                 ops::_foreach_clamp_min_List_out>(library);
  foreach_kernel<ops::_foreach_clamp_min__ScalarList, ops::_foreach_clamp_min_ScalarList,
                 ops::_foreach_clamp_min_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_clamp_max__Scalar, ops::_foreach_clamp_max_Scalar,
                 ops::_foreach_clamp_max_Scalar_out>(library);
  foreach_kernel<ops::_foreach_clamp_max__List, ops::_foreach_clamp_max_List,
                 ops::_foreach_clamp_max_List_out>(library);
  foreach_kernel<ops::_foreach_clamp_max__ScalarList, ops::_foreach_clamp_max_ScalarList,
                 ops::_foreach_clamp_max_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_pow__Scalar, ops::_foreach_pow_Scalar, ops::_foreach_pow_Scalar_out>(
      library);
  foreach_kernel<ops::_foreach_pow__List, ops::_foreach_pow_List, ops::_foreach_pow_List_out>(
      library);
  foreach_kernel<ops::_foreach_pow__ScalarList, ops::_foreach_pow_ScalarList,
                 ops::_foreach_pow_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_add__Tensor, ops::_foreach_add_Tensor, ops::_foreach_add_Tensor_out>(
      library);
  foreach_kernel<ops::_foreach_mul__Tensor, ops::_foreach_mul_Tensor, ops::_foreach_mul_Tensor_out>(
      library);
  foreach_kernel<ops::_foreach_div__Tensor, ops::_foreach_div_Tensor, ops::_foreach_div_Tensor_out>(
      library);
  foreach_kernel<ops::_foreach_addcmul__Scalar, ops::_foreach_addcmul_Scalar,
                 ops::_foreach_addcmul_Scalar_out>(library);
  foreach_kernel<ops::_foreach_addcmul__ScalarList, ops::_foreach_addcmul_ScalarList,
                 ops::_foreach_addcmul_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_addcdiv__Scalar, ops::_foreach_addcdiv_Scalar,
                 ops::_foreach_addcdiv_Scalar_out>(library);
  foreach_kernel<ops::_foreach_addcdiv__ScalarList, ops::_foreach_addcdiv_ScalarList,
                 ops::_foreach_addcdiv_ScalarList_out>(library);
  foreach_kernel<ops::_foreach_lerp__Scalar, ops::_foreach_lerp_Scalar,
                 ops::_foreach_lerp_Scalar_out>(library);
  foreach_kernel<ops::_foreach_lerp__List, ops::_foreach_lerp_List, ops::_foreach_lerp_List_out>(
      library);
  foreach_kernel<ops::_foreach_lerp__ScalarList, ops::_foreach_lerp_ScalarList,
                 ops::_foreach_lerp_ScalarList_out>(library);
  foreach_in_place<ops::_foreach_zero_>(library);
  foreach_in_place<ops::_foreach_copy_>(library);
  library.impl(schema_name<ops::_foreach_norm_Scalar>().c_str(), &norms);
}

void fused_optimizer_kernels(torch::Library& library) {
  fused_step<ops::_fused_adam_>(library);
  fused_step<ops::_fused_adam__tensor_lr>(library);
  fused_step<ops::_fused_adamw_>(library);
  fused_step<ops::_fused_adamw__tensor_lr>(library);
  fused_step<ops::_fused_sgd_>(library);
  fused_step<ops::_fused_sgd__tensor_lr>(library);
  fused_step<ops::_fused_adagrad_>(library);
}

}  // namespace xpu_runtime::kernels
