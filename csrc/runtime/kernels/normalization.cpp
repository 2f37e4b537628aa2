#include <c10/util/ArrayRef.h>

#include <array>
#include <optional>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"
#include "runtime/kernels/tables.h"

// Batch, layer and group normalisation and their backwards.
namespace xpu_runtime::kernels {
namespace {

using at::OptionalTensorRef;
using at::Tensor;
using Parameters = c10::ArrayRef<OptionalTensorRef>;

// Parameters and statistics are all of the input's dtype, or all float32 beside an input of
// reduced precision. Nothing if they are neither.
std::optional<c10::ScalarType> parameter_type(const Tensor& input, Parameters parameters) {
  std::optional<c10::ScalarType> type;
  for (const auto& parameter : parameters) {
    if (!parameter.has_value()) {
      continue;
    }
    if (type.value_or(parameter->scalar_type()) != parameter->scalar_type()) {
      return std::nullopt;
    }
    type = parameter->scalar_type();
  }
  const auto own = input.scalar_type();
  const bool mixed = at::isReducedFloatingType(own) && type == at::kFloat;
  return !type.has_value() || *type == own || mixed ? type.value_or(own)
                                                    : std::optional<c10::ScalarType>();
}

bool all_vectors_of(std::int64_t size, Parameters parameters) {
  for (const auto& parameter : parameters) {
    if (parameter.has_value() && (parameter->dim() != 1 || parameter->size(0) != size)) {
      return false;
    }
  }
  return true;
}

struct NormShape : ShapeFunction {
 protected:
  void place_in_format(std::int64_t index, const Tensor& tensor) {
    place(index, tensor.sizes(), tensor.options(), tensor.suggest_memory_format());
  }
};

struct BatchNormShape : NormShape {
  static bool supports(const Tensor& input, OptionalTensorRef weight, OptionalTensorRef bias,
                       OptionalTensorRef running_mean, OptionalTensorRef running_var, bool training,
                       double /*momentum*/, double /*eps*/) {
    const std::array all{weight, bias, running_mean, running_var};
    const bool has_statistics = running_mean.has_value() && running_var.has_value();
    return input.dim() >= 2 && input.numel() > 0 && (training || has_statistics) &&
           all_vectors_of(input.size(1), all) && parameter_type(input, all).has_value();
  }
  void meta(const Tensor& input, OptionalTensorRef weight, OptionalTensorRef bias,
            OptionalTensorRef running_mean, OptionalTensorRef running_var, bool training,
            double /*momentum*/, double /*eps*/) {
    const auto type = *parameter_type(input, {weight, bias, running_mean, running_var});
    const auto statistics = input.options().dtype(type);
    const std::int64_t channels = training ? input.size(1) : 0;
    place_in_format(0, input);
    place(1, channels, statistics);
    place(2, channels, statistics);
  }
};

// The operator without running statistics.
struct BatchNormNoStatsShape : BatchNormShape {
  static bool supports(const Tensor& input, OptionalTensorRef weight, OptionalTensorRef bias,
                       bool training, double momentum, double eps) {
    return BatchNormShape::supports(input, weight, bias, {}, {}, training, momentum, eps);
  }
  void meta(const Tensor& input, OptionalTensorRef weight, OptionalTensorRef bias, bool training,
            double momentum, double eps) {
    BatchNormShape::meta(input, weight, bias, {}, {}, training, momentum, eps);
  }
};

// The out= variants return wrong statistics for inputs that are not contiguous, on the CPU as well.
template <class Op, class OutOp, class Schema = typename OutOp::schema>
struct BatchNorm;
template <class Op, class OutOp, class R, class... Parameters>
struct BatchNorm<Op, OutOp, R(const Tensor&, Parameters...)> {
  using schema = void(const Tensor&, Parameters...);
  static void redispatch(c10::DispatchKeySet keys, const Tensor& input, Parameters... arguments) {
    if (input.is_contiguous(input.suggest_memory_format())) {
      OutOp::redispatch(keys, input, arguments...);
    } else {
      Copied<Op>::redispatch(keys, input, arguments...);
    }
  }
};

struct BatchNormBackwardShape : NormShape {
  static bool supports(const Tensor& grad, const Tensor& input, OptionalTensorRef weight,
                       OptionalTensorRef running_mean, OptionalTensorRef running_var,
                       OptionalTensorRef save_mean, OptionalTensorRef save_invstd, bool train,
                       double /*eps*/, const std::array<bool, 3>& /*mask*/) {
    const std::array all{weight, train ? save_mean : running_mean,
                         train ? save_invstd : running_var};
    const bool has_statistics = train ? save_mean.has_value() && save_invstd.has_value()
                                      : running_mean.has_value() && running_var.has_value();
    return input.dim() >= 2 && input.numel() > 0 && grad.sizes() == input.sizes() &&
           has_statistics && all_vectors_of(input.size(1), all) &&
           parameter_type(input, all).has_value();
  }
  void meta(const Tensor& /*grad*/, const Tensor& input, OptionalTensorRef weight,
            OptionalTensorRef running_mean, OptionalTensorRef running_var,
            OptionalTensorRef save_mean, OptionalTensorRef save_invstd, bool train, double /*eps*/,
            const std::array<bool, 3>& mask) {
    const auto type = *parameter_type(
        input, {weight, train ? save_mean : running_mean, train ? save_invstd : running_var});
    if (mask[0]) {
      place_in_format(0, input);
    }
    for (const auto index : {1, 2}) {
      if (mask[index]) {
        place(index, input.size(1), input.options().dtype(type));
      }
    }
  }
};

struct LayerNormShape : ShapeFunction {
  static bool supports(const Tensor& input, at::IntArrayRef normalized, OptionalTensorRef weight,
                       OptionalTensorRef bias, double /*eps*/ = 0) {
    const auto has_shape = [&](OptionalTensorRef parameter) {
      return !parameter.has_value() || parameter->sizes() == normalized;
    };
    return !normalized.empty() && normalized.size() <= static_cast<std::size_t>(input.dim()) &&
           input.sizes().slice(input.dim() - normalized.size()) == normalized &&
           has_shape(weight) && has_shape(bias) &&
           parameter_type(input, {weight, bias}).has_value();
  }
  void meta(const Tensor& input, at::IntArrayRef normalized, OptionalTensorRef weight,
            OptionalTensorRef bias, double /*eps*/) {
    at::DimVector statistics(input.sizes());
    std::fill(statistics.end() - normalized.size(), statistics.end(), 1);
    const auto options = input.options().dtype(*parameter_type(input, {weight, bias}));
    place(0, input.sizes(), input.options());
    place(1, statistics, options);
    place(2, statistics, options);
  }
};

struct LayerNormBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& input, at::IntArrayRef normalized,
                       const Tensor& mean, const Tensor& rstd, OptionalTensorRef weight,
                       OptionalTensorRef bias, const std::array<bool, 3>& mask) {
    return grad.sizes() == input.sizes() && mean.numel() == rstd.numel() &&
           LayerNormShape::supports(input, normalized, weight, bias) &&
           (!mask[1] || weight.has_value()) && (!mask[2] || bias.has_value()) &&
           parameter_type(input, {weight, bias, mean, rstd}).has_value();
  }
  void meta(const Tensor& /*grad*/, const Tensor& input, at::IntArrayRef /*normalized*/,
            const Tensor& /*mean*/, const Tensor& /*rstd*/, OptionalTensorRef weight,
            OptionalTensorRef bias, const std::array<bool, 3>& mask) {
    if (mask[0]) {
      place(0, input.sizes(), input.options());
    }
    if (mask[1]) {
      place(1, weight->sizes(), weight->options());
    }
    if (mask[2]) {
      place(2, bias->sizes(), bias->options());
    }
  }
};

struct GroupNormShape : NormShape {
  static bool supports(const Tensor& input, OptionalTensorRef weight, OptionalTensorRef bias,
                       std::int64_t batch, std::int64_t channels, std::int64_t area,
                       std::int64_t groups, double /*eps*/) {
    return input.numel() > 0 && input.numel() == batch * channels * area && groups > 0 &&
           channels % groups == 0 && all_vectors_of(channels, {weight, bias}) &&
           parameter_type(input, {weight, bias}).has_value();
  }
  void meta(const Tensor& input, OptionalTensorRef weight, OptionalTensorRef bias,
            std::int64_t batch, std::int64_t /*channels*/, std::int64_t /*area*/,
            std::int64_t groups, double /*eps*/) {
    const auto options = input.options().dtype(*parameter_type(input, {weight, bias}));
    place_in_format(0, input);
    place(1, {batch, groups}, options);
    place(2, {batch, groups}, options);
  }
};

struct GroupNormBackwardShape : NormShape {
  static bool supports(const Tensor& grad, const Tensor& input, const Tensor& mean,
                       const Tensor& rstd, OptionalTensorRef weight, std::int64_t batch,
                       std::int64_t channels, std::int64_t area, std::int64_t groups,
                       const std::array<bool, 3>& /*mask*/) {
    return grad.sizes() == input.sizes() && mean.numel() == batch * groups &&
           rstd.numel() == batch * groups &&
           GroupNormShape::supports(input, weight, {}, batch, channels, area, groups, 0) &&
           parameter_type(input, {weight, mean, rstd}).has_value();
  }
  void meta(const Tensor& /*grad*/, const Tensor& input, const Tensor& /*mean*/,
            const Tensor& /*rstd*/, OptionalTensorRef weight, std::int64_t /*batch*/,
            std::int64_t channels, std::int64_t /*area*/, std::int64_t /*groups*/,
            const std::array<bool, 3>& mask) {
    if (mask[0]) {
      place_in_format(0, input);
    }
    for (const auto index : {1, 2}) {
      if (mask[index]) {
        place(index, channels, weight.has_value() ? weight->options() : input.options());
      }
    }
  }
};

}  // namespace

void normalization_kernels(torch::Library& library) {
  constexpr Gate with_parameters(kFloating, kFloating);
  constexpr Gate backward(kFloating, kLikeFirst, kFloating);
  kernel<BatchNormShape, with_parameters,
         BatchNorm<ops::native_batch_norm, ops::native_batch_norm_out>, ops::native_batch_norm>(
      library);
  kernel<BatchNormShape, with_parameters,
         BatchNorm<ops::_native_batch_norm_legit, ops::_native_batch_norm_legit_out>,
         ops::_native_batch_norm_legit>(library);
  kernel<
      BatchNormNoStatsShape, with_parameters,
      BatchNorm<ops::_native_batch_norm_legit_no_stats, ops::_native_batch_norm_legit_no_stats_out>,
      ops::_native_batch_norm_legit_no_stats>(library);
  kernel<BatchNormBackwardShape, backward, Copied<ops::native_batch_norm_backward>,
         ops::native_batch_norm_backward>(library);
  kernel<LayerNormShape, with_parameters, Copied<ops::native_layer_norm>, ops::native_layer_norm>(
      library);
  kernel<LayerNormBackwardShape, backward, Copied<ops::native_layer_norm_backward>,
         ops::native_layer_norm_backward>(library);
  kernel<GroupNormShape, with_parameters, Copied<ops::native_group_norm>, ops::native_group_norm>(
      library);
  kernel<GroupNormBackwardShape, backward, Copied<ops::native_group_norm_backward>,
         ops::native_group_norm_backward>(library);
}

}  // namespace xpu_runtime::kernels
