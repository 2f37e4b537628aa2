#include <ATen/ExpandUtils.h>
#include <ATen/native/TypeProperties.h>
#include <ATen/ops/clamp_meta.h>
#include <ATen/ops/clamp_min_meta.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"
#include "runtime/kernels/tables.h"

// Elementwise operators that have no shape function in ATen.
namespace xpu_runtime::kernels {
namespace {

struct LogicalNotShape : at::TensorIteratorBase {
  void meta(const at::Tensor& self) {
    const auto& output = maybe_get_output(0);
    auto config = at::TensorIteratorConfig();
    config.check_all_same_dtype(false).add_output(output).add_const_input(self);
    if (!output.defined()) {
      config.declare_static_dtype(at::kBool);
    }
    build(config);
  }
};

struct IsNanShape : at::TensorIteratorBase {
  void meta(const at::Tensor& self) {
    build_borrowing_unary_force_boolean_op(maybe_get_output(0), self);
  }
};

struct HardtanhShape : at::meta::structured_clamp {
  void meta(const at::Tensor& self, const at::Scalar& min, const at::Scalar& max) {
    structured_clamp::meta(self, min, max);
  }
};

struct LogitShape : at::TensorIteratorBase {
  void meta(const at::Tensor& self, std::optional<double> /*eps*/) {
    build_borrowing_unary_float_op(maybe_get_output(0), self);
  }
};

struct LogSigmoidShape : ShapeFunction {
  void meta(const at::Tensor& self) {
    place(0, self.sizes(), self.options());
    place(1, self.sizes(), self.options());
  }
};

// The gradient has the layout of the first argument, the others have its sizes.
struct LikeGradientShape : ShapeFunction {
  template <class... Tensors>
  static bool supports(const at::Tensor& grad, const Tensors&... tensors) {
    return ((tensors.sizes() == grad.sizes()) && ...);
  }
  template <class... Tensors>
  void meta(const at::Tensor& grad, const Tensors&... /*tensors*/) {
    place_like(0, grad);
  }
};

struct PreluBackwardShape : at::TensorIteratorBase {
  void meta(const at::Tensor& grad, const at::Tensor& self, const at::Tensor& weight) {
    build(at::TensorIteratorConfig()
              .add_output(maybe_get_output(0))
              .add_output(maybe_get_output(1))
              .add_const_input(self)
              .add_const_input(weight)
              .add_const_input(grad));
  }
};

struct ReluShape : at::meta::structured_clamp_min {
  void meta(const at::Tensor& self) { structured_clamp_min::meta(self, 0); }
};

struct ReluRunner {
  using schema = at::Tensor&(const at::Tensor&, at::Tensor&);
  static at::Tensor& redispatch(c10::DispatchKeySet keys, const at::Tensor& self,
                                at::Tensor& output) {
    return ops::clamp_min_out::redispatch(keys, self, 0, output);
  }
};

struct WhereShape : at::TensorIteratorBase {
  static bool supports(const at::Tensor& condition, const at::Tensor& self,
                       const at::Tensor& other) {
    const auto fits = [&](const at::Tensor& t) {
      return t.device() == condition.device() || (t.is_cpu() && t.dim() == 0);
    };
    return condition.is_xpu() && fits(self) && fits(other);
  }
  static bool accepts(const at::Tensor& output, const at::Tensor& /*condition*/,
                      const at::Tensor& self, const at::Tensor& other) {
    return output.scalar_type() == at::native::result_type(self, other);
  }
  void meta(const at::Tensor& condition, const at::Tensor& self, const at::Tensor& other) {
    const auto& output = maybe_get_output(0);
    const auto type = at::native::result_type(self, other);
    auto config = at::TensorIteratorConfig();
    config.check_all_same_dtype(false).allow_cpu_scalars(true).add_output(output);
    config.add_const_input(condition).add_const_input(self).add_const_input(other);
    if (!output.defined()) {
      config.declare_static_dtype(type);
    }
    build(config);
  }
};

// The value may live on the CPU; it is read now.
bool is_value_for(const at::Tensor& value, const at::Tensor& self) {
  return value.dim() == 0 && (value.is_cpu() || value.device() == self.device());
}

struct MaskedFillShape : OverwriteShape {
  static constexpr auto device_check = DeviceCheck::by_shape;
  template <class Value>
  static bool supports(const at::Tensor& self, const at::Tensor& mask, const Value& value) {
    if constexpr (std::is_same_v<Value, at::Tensor>) {
      if (!is_value_for(value, self)) {
        return false;
      }
    }
    return is_writable(self) && mask.device() == self.device() &&
           at::is_expandable_to(mask.sizes(), self.sizes());
  }
};

struct FillShape : OverwriteShape {
  static constexpr auto device_check = DeviceCheck::by_shape;
  static bool supports(const at::Tensor& self, const at::Scalar& /*value*/) {
    return is_writable(self);
  }
  static bool supports(const at::Tensor& self, const at::Tensor& value) {
    return is_writable(self) && is_value_for(value, self);
  }
};

at::Tensor reverse_subtract(const at::Tensor& self, const at::Tensor& other,
                            const at::Scalar& alpha) {
  return at::sub(other, self, alpha);
}

void logical(torch::Library& library) {
  kernel<LogicalNotShape, kAll, ops::logical_not_out, ops::logical_not, ops::logical_not_>(library);
  kernel<ComparisonShape, kAll, ops::logical_and_out, ops::logical_and, ops::logical_and_>(library);
  kernel<ComparisonShape, kAll, ops::logical_or_out, ops::logical_or, ops::logical_or_>(library);
  kernel<ComparisonShape, kAll, ops::logical_xor_out, ops::logical_xor, ops::logical_xor_>(library);
  kernel<IsNanShape, kAll, Internal<ops::isnan_out>, ops::isnan>(library);
  kernel<WhereShape, Gate(kBool, kAll), ops::where_self_out, ops::where_self>(library);
}

void arithmetic(torch::Library& library) {
  kernel<UnaryShape, kReal, ops::abs_out, ops::abs, ops::abs_>(library);
  kernel<UnaryShape, Gate(kOrdered).writing(kLikeFirst), ops::nan_to_num_out, ops::nan_to_num,
         ops::nan_to_num_>(library);
  library.impl("rsub.Tensor", &reverse_subtract);
  kernel<BinaryShape, kReal, ops::floor_divide_out, ops::floor_divide, ops::floor_divide__Tensor>(
      library);
}

void activation(torch::Library& library) {
  constexpr Gate same(kFloating, kLikeFirst);
  kernel<ReluShape, kReal, ReluRunner, ops::relu, ops::relu_>(library);
  kernel<HardtanhShape, kFloating, ops::hardtanh_out, ops::hardtanh, ops::hardtanh_>(library);
  kernel<LogitShape, kFloating, ops::logit_out, ops::logit, ops::logit_>(library);
  kernel<LogSigmoidShape, kFloating, Copied<ops::log_sigmoid_forward>, ops::log_sigmoid_forward>(
      library);
  kernel<LikeGradientShape, same, Copied<ops::log_sigmoid_backward>, ops::log_sigmoid_backward>(
      library);
  kernel<BinaryShape, same, Copied<ops::_prelu_kernel>, ops::_prelu_kernel>(library);
  kernel<PreluBackwardShape, same, Copied<ops::_prelu_kernel_backward>,
         ops::_prelu_kernel_backward>(library);
  kernel<UnaryShape, kFloating, ops::hardswish_out, ops::hardswish, ops::hardswish_>(library);
  kernel<BinaryShape, kFloating, Internal<ops::hardswish_backward_out>, ops::hardswish_backward>(
      library);
  kernel<BinaryShape, kFloating, ops::hardtanh_backward_grad_input, ops::hardtanh_backward>(
      library);
}

void filling(torch::Library& library) {
  kernel<FillShape, kAll, InPlaceOnly, ops::fill__Scalar, ops::fill__Tensor>(library);
  kernel<OverwriteShape, kAll, InPlaceOnly, ops::zero_>(library);
  kernel<MaskedFillShape, Gate(kAll, kBool, kLikeFirst), InPlaceOnly, ops::masked_fill__Scalar,
         ops::masked_fill__Tensor>(library);
}

}  // namespace

void elementwise_kernels(torch::Library& library) {
  logical(library);
  arithmetic(library);
  activation(library);
  filling(library);
}

}  // namespace xpu_runtime::kernels
