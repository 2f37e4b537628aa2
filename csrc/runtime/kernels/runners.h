#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DispatchKeySet.h>
#include <c10/util/Exception.h>

#include <cstddef>
#include <tuple>
#include <utility>

#include "runtime/kernels/kernel.h"

/// Runners for operators without an out= variant that writes to given memory.
namespace xpu_runtime::kernels {

/// Moves what a CPU kernel returned to where the caller expects it.
inline void deliver(const at::Tensor& result, at::Tensor& output) {
  if (!output.defined()) {
    return;
  }
  TORCH_INTERNAL_ASSERT(result.sizes() == output.sizes(), "a CPU kernel returned sizes ",
                        result.sizes(), " where its shape function said ", output.sizes());
  output.copy_(result);
}

/// Calls `Op` and copies its results.
template <class Op, class Schema = typename Op::schema,
          class = std::make_index_sequence<Results<Result<Op>>::count>>
struct Copied;
template <class Op, class R, class... Parameters, std::size_t... index>
struct Copied<Op, R(Parameters...), std::index_sequence<index...>> {
  template <std::size_t>
  using Output = at::Tensor&;
  using schema = void(Parameters..., Output<index>...);

  static void redispatch(c10::DispatchKeySet keys, Parameters... arguments,
                         Output<index>... outputs) {
    const std::tuple results{Op::redispatch(keys, arguments...)};
    (deliver(std::get<index>(results), outputs), ...);
  }
};

}  // namespace xpu_runtime::kernels
