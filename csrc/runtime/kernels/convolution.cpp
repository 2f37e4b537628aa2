#include <ATen/native/ConvUtils.h>

#include <array>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"
#include "runtime/kernels/split.h"
#include "runtime/kernels/tables.h"

// at::convolution has checked shapes and parameters before it calls these for a device that is not
// one of its own; in the task it chooses among the CPU's convolutions.
namespace xpu_runtime::kernels {
namespace {

using at::OptionalTensorRef;
using at::Tensor;

// What the convolution chosen for the CPU returns: oneDNN keeps any channels-last format, the
// native ones, which take what oneDNN does not, only the two-dimensional one.
at::MemoryFormat result_format(const Tensor& input, const Tensor& weight) {
  const bool last = at::native::xpu_conv_use_channels_last(input, weight);
  const bool onednn = at::isFloatingType(input.scalar_type()) && input.scalar_type() != at::kDouble;
  if (!last || (input.dim() == 5 && !onednn)) {
    return at::MemoryFormat::Contiguous;
  }
  return input.dim() == 5 ? at::MemoryFormat::ChannelsLast3d : at::MemoryFormat::ChannelsLast;
}

struct ConvolutionShape : ShapeFunction {
  template <class... Args>
  static Tensor fall_back(Args&... arguments) {
    return Fallback<ops::convolution>::call(arguments...);
  }
  void meta(const Tensor& input, const Tensor& weight, OptionalTensorRef /*bias*/,
            at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation,
            bool transposed, at::IntArrayRef output_padding, std::int64_t groups) {
    const auto sizes = transposed
                           ? at::native::conv_input_size(input.sizes(), weight.sizes(), padding,
                                                         output_padding, stride, dilation, groups)
                           : at::native::conv_output_size(input.sizes(), weight.sizes(), padding,
                                                          stride, dilation);
    place(0, sizes, input.options(), result_format(input, weight));
  }
};

struct ConvolutionBackwardShape : ShapeFunction {
  template <class... More>
  static std::tuple<Tensor, Tensor, Tensor> fall_back(const Tensor& grad, const Tensor& input,
                                                      const Tensor& weight, More&... more) {
    const c10::SymInt channels = grad.sym_size(1);
    return Fallback<ops::convolution_backward>::call(grad, input, weight,
                                                     c10::SymIntArrayRef(&channels, 1), more...);
  }
  void meta(const Tensor& grad, const Tensor& input, const Tensor& weight,
            at::IntArrayRef /*stride*/, at::IntArrayRef /*padding*/, at::IntArrayRef /*dilation*/,
            bool /*transposed*/, at::IntArrayRef /*output_padding*/, std::int64_t /*groups*/,
            const std::array<bool, 3>& mask) {
    const auto format = result_format(input, weight);
    if (mask[0]) {
      place(0, input.sizes(), input.options(), format);
    }
    if (mask[1]) {
      place(1, weight.sizes(), weight.options(), format);
    }
    if (mask[2]) {
      place(2, grad.size(1), grad.options());
    }
  }
};

// The operator that has a CPU kernel, under the schema of the one that has none.
struct ConvolutionBackward {
  using schema = ops::convolution_backward_overrideable::schema;
  static std::tuple<Tensor, Tensor, Tensor> redispatch(
      c10::DispatchKeySet keys, const Tensor& grad, const Tensor& input, const Tensor& weight,
      c10::SymIntArrayRef stride, c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation,
      bool transposed, c10::SymIntArrayRef output_padding, c10::SymInt groups,
      std::array<bool, 3> mask) {
    const c10::SymInt channels = grad.sym_size(1);
    return ops::convolution_backward::redispatch(
        keys, grad, input, weight, c10::SymIntArrayRef(&channels, 1), stride, padding, dilation,
        transposed, output_padding, groups, mask);
  }
};

}  // namespace

template <>
struct Split<Copied<ops::convolution>> {
  static void redispatch(c10::DispatchKeySet keys, const Tensor& input, const Tensor& weight,
                         const std::optional<Tensor>& bias, c10::SymIntArrayRef stride,
                         c10::SymIntArrayRef padding, c10::SymIntArrayRef dilation, bool transposed,
                         c10::SymIntArrayRef output_padding, c10::SymInt groups, Tensor& out) {
    const auto each = static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
    in_parts(input.size(0), static_cast<double>(out.numel()) * each,
             [&](std::int64_t begin, std::int64_t count) {
               auto images = out.narrow(0, begin, count);
               Copied<ops::convolution>::redispatch(keys, input.narrow(0, begin, count), weight,
                                                    bias, stride, padding, dilation, transposed,
                                                    output_padding, groups, images);
             });
  }
};

void convolution_kernels(torch::Library& library) {
  constexpr Gate types(kFloating | kLong, kLikeFirst);
  kernel<ConvolutionShape, types, Copied<ops::convolution>, ops::convolution_overrideable>(library);
  kernel<ConvolutionBackwardShape, types, Copied<ConvolutionBackward>,
         ops::convolution_backward_overrideable>(library);
}

}  // namespace xpu_runtime::kernels
