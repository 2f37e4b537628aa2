#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm_ops.h>
#include <ATen/ops/bmm_ops.h>
#include <ATen/ops/mm_ops.h>

#include <array>
#include <utility>

#include "runtime/calls/cpu_keys.h"
#include "runtime/calls/runners.h"
#include "runtime/calls/split.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using torch::jit::Stack;

// Of (..., m, k) times (..., k, n).
double multiplications(const Tensor& a, const Tensor& b) {
  return static_cast<double>(a.numel()) * static_cast<double>(b.size(-1));
}

// A product in slices of the first dimension of `a` and `out`, and of `b` where it is a batch.
template <class Op>
void run_product(Stack& arguments) {
  const Tensor a = arguments[0].toTensor();
  const Tensor b = arguments[1].toTensor();
  const Tensor out = arguments[2].toTensor();
  in_parts(a.size(0), multiplications(a, b), [&](std::int64_t begin, std::int64_t count) {
    auto slice = out.narrow(0, begin, count);
    Op::redispatch(kCpuKeys, a.narrow(0, begin, count),
                   b.dim() == 3 ? b.narrow(0, begin, count) : b, slice);
  });
}

void run_addmm(Stack& arguments) {
  const Tensor self = arguments[0].toTensor();
  const Tensor a = arguments[1].toTensor();
  const Tensor b = arguments[2].toTensor();
  const auto beta = arguments[3].toScalar();
  const auto alpha = arguments[4].toScalar();
  const Tensor out = arguments[5].toTensor();
  const bool has_rows = self.dim() == 2 && self.size(0) == a.size(0);
  in_parts(a.size(0), multiplications(a, b), [&](std::int64_t begin, std::int64_t count) {
    auto rows = out.narrow(0, begin, count);
    at::_ops::addmm_out::redispatch(kCpuKeys, has_rows ? self.narrow(0, begin, count) : self,
                                    a.narrow(0, begin, count), b, beta, alpha, rows);
  });
}

}  // namespace

Runner runner_of(const c10::OperatorName& name) {
  static const std::array<std::pair<c10::OperatorName, Runner>, 4> all{
      {{{"aten::mm", "out"}, &run_product<at::_ops::mm_out>},
       {{"aten::bmm", "out"}, &run_product<at::_ops::bmm_out>},
       {{"aten::addmm", "out"}, &run_addmm},
       {{"aten::convolution", ""}, &run_convolution}}};
  for (const auto& [op, runner] : all)
    if (op == name) return runner;
  return nullptr;
}

}  // namespace xpu_runtime
