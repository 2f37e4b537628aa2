// Convolutions. at::convolution has checked shapes and parameters before it calls these for a
// device that is not one of torch's own; in the task it chooses among those of the CPU.
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/convolution_ops.h>
#include <torch/library.h>

#include "runtime/calls/boxed_kernel.h"
#include "runtime/calls/cpu_keys.h"
#include "runtime/calls/runners.h"
#include "runtime/calls/split.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::OperatorHandle;
using torch::jit::Stack;

// The operator that has a CPU kernel, in place of the one that has none.
void convolution(const OperatorHandle& /*op*/, Stack* stack) {
  static const auto on_cpu =
      c10::Dispatcher::singleton().findSchemaOrThrow("aten::convolution", "");
  boxed_kernel(on_cpu, stack);
}

void convolution_backward(const OperatorHandle& op, Stack* stack) {
  static const auto on_cpu =
      c10::Dispatcher::singleton().findSchemaOrThrow("aten::convolution_backward", "");
  const auto first = stack->end() - static_cast<std::ptrdiff_t>(op.schema().arguments().size());
  const Tensor& grad = first[0].toTensor();
  stack->insert(first + 3, c10::IValue(std::vector<std::int64_t>{grad.size(1)}));  // of the bias
  boxed_kernel(on_cpu, stack);
}

}  // namespace

void run_convolution(Stack& arguments) {
  const Tensor input = arguments[0].toTensor();
  const Tensor weight = arguments[1].toTensor();
  const auto bias = arguments[2].toOptional<Tensor>();
  const auto stride = arguments[3].toSymIntVector();
  const auto padding = arguments[4].toSymIntVector();
  const auto dilation = arguments[5].toSymIntVector();
  const bool transposed = arguments[6].toBool();
  const auto output_padding = arguments[7].toSymIntVector();
  const auto groups = arguments[8].toSymInt();
  const Tensor out = arguments[9].toTensor();
  const auto each = static_cast<double>(weight.numel()) / static_cast<double>(weight.size(0));
  in_parts(input.size(0), static_cast<double>(out.numel()) * each,
           [&](std::int64_t begin, std::int64_t count) {
             out.narrow(0, begin, count)
                 .copy_(at::_ops::convolution::redispatch(kCpuKeys, input.narrow(0, begin, count),
                                                          weight, bias, stride, padding, dilation,
                                                          transposed, output_padding, groups));
           });
}

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("convolution_overrideable", torch::CppFunction::makeFromBoxedFunction<&convolution>());
  m.impl("convolution_backward_overrideable",
         torch::CppFunction::makeFromBoxedFunction<&convolution_backward>());
}

}  // namespace xpu_runtime
