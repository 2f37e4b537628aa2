#pragma once

#include <ATen/native/CPUFallback.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/calls/fallback.h"
#include "runtime/kernels/call.h"
#include "runtime/kernels/shape.h"

/// Asynchronous kernels made of parts that ATen has: a shape function, run at once on the XPU
/// tensors, and the CPU kernel, run later on the stream. One line of a table makes an operator
/// with all its variants:
///
///     kernel<meta::structured_exp, kAll, ops::exp_out, ops::exp, ops::exp_>(library);
namespace xpu_runtime::kernels {

namespace ops = at::_ops;

template <class Schema>
struct ResultOf;
template <class R, class... Parameters>
struct ResultOf<R(Parameters...)> {
  using type = R;
};
/// What an operator returns.
template <class Op>
using Result = typename ResultOf<typename Op::schema>::type;

/// Whether an operator makes new tensors, and how many tensors it returns.
template <class R>
struct Results;
template <>
struct Results<at::Tensor> {
  static constexpr std::size_t count = 1;
  static constexpr bool are_new = true;
};
template <>
struct Results<at::Tensor&> {
  static constexpr std::size_t count = 1;
  static constexpr bool are_new = false;
};
template <class... T>
struct Results<std::tuple<T...>> {
  static constexpr std::size_t count = sizeof...(T);
  static constexpr bool are_new = !(std::is_reference_v<T> || ...);
};

/// TensorIterator compares devices; other shape functions say by `device_check` if they do.
template <class Meta>
constexpr DeviceCheck device_check() {
  if constexpr (requires { Meta::device_check; }) {
    return Meta::device_check;
  }
  return std::is_base_of_v<at::TensorIteratorBase, Meta> ? DeviceCheck::by_shape
                                                         : DeviceCheck::strict;
}

/// Looks at the arguments of a call to `Op`.
template <class Meta, class Op>
Inspection inspection_of(const Gate& gate) {
  return {Op::name, Op::overload_name, device_check<Meta>(), gate};
}

/// A shape function may refuse values of arguments by `static bool supports(arguments...)`.
template <class Meta, class... Args>
bool supports(const Args&... arguments) {
  if constexpr (requires { Meta::supports(for_shape(arguments)...); }) {
    return Meta::supports(for_shape(arguments)...);
  }
  return true;
}

/// It may refuse out= arguments by `static bool accepts(outputs..., arguments...)`.
template <class Meta, class... Args>
bool accepts(const Args&... arguments) {
  if constexpr (requires { Meta::accepts(arguments...); }) {
    return Meta::accepts(arguments...);
  }
  return true;
}

/// Runs the CPU kernel of `Op` synchronously.
template <class Op>
using Fallback = at::native::call_fallback_fn_symint<&cpu_fallback, Op>;

/// A shape function of an operator without a CPU kernel says by `fall_back(arguments...)` what to
/// do with a call that it does not support.
template <class Meta, class Op, class... Args>
decltype(auto) fall_back(Args&... arguments) {
  if constexpr (requires { Meta::fall_back(arguments...); }) {
    return Meta::fall_back(arguments...);
  } else {
    return Fallback<Op>::call(arguments...);
  }
}

/// `Op` makes new tensors: `Runner`, in the form of its out= variant, fills them.
template <class Meta, Gate gate, class Runner, class Op, class Schema = typename Op::schema>
struct Functional;
template <class Meta, Gate gate, class Runner, class Op, class R, class... Parameters>
struct Functional<Meta, gate, Runner, Op, R(Parameters...)> {
  static R call(Parameters... arguments) {
    auto inspection = inspection_of<Meta, Op>(gate);
    inspection.inputs(arguments...);
    if (!inspection.admitted() || !supports<Meta>(arguments...)) [[unlikely]] {
      return fall_back<Meta, Op>(arguments...);
    }
    const c10::DeviceGuard guard(inspection.device());
    Shape<Meta, Output::allocate, Results<R>::count> shape;
    shape.meta(for_shape(arguments)...);
    return std::apply(
        [&](auto&... results) {
          launch<Runner>(Op::name, arguments..., results...);
          return R(std::move(results)...);
        },
        shape.outputs());
  }
};

/// `Op` changes its first argument.
template <class Meta, Gate gate, class Op, class Schema = typename Op::schema>
struct InPlace;
template <class Meta, Gate gate, class Op, class... Parameters>
struct InPlace<Meta, gate, Op, at::Tensor&(at::Tensor&, Parameters...)> {
  static at::Tensor& call(at::Tensor& self, Parameters... arguments) {
    auto inspection = inspection_of<Meta, Op>(gate);
    inspection.inputs(self, arguments...);
    if (!inspection.admitted() || !supports<Meta>(self, arguments...)) [[unlikely]] {
      return fall_back<Meta, Op>(self, arguments...);
    }
    const c10::DeviceGuard guard(inspection.device());
    Shape<Meta, Output::in_place, 1> shape({self});
    shape.meta(self, for_shape(arguments)...);
    launch<Op>(Op::name, self, arguments...);
    return self;
  }
};

/// `Op` writes to its last arguments, and resizes them first.
template <class Meta, Gate gate, class Op, class Schema = typename Op::schema>
struct Out;
template <class Meta, Gate gate, class Op, class R, class... Parameters>
struct Out<Meta, gate, Op, R(Parameters...)> {
  static constexpr std::size_t results = Results<R>::count;
  static constexpr std::size_t inputs = sizeof...(Parameters) - results;

  static R call(Parameters... arguments) {
    return split(std::forward_as_tuple(arguments...), std::make_index_sequence<inputs>(),
                 std::make_index_sequence<results>());
  }

 private:
  template <class All, std::size_t... in, std::size_t... out>
  static R split(const All& all, std::index_sequence<in...> /*in*/,
                 std::index_sequence<out...> /*out*/) {
    auto inspection = inspection_of<Meta, Op>(gate);
    inspection.inputs(std::get<in>(all)...);
    inspection.outputs(std::get<inputs + out>(all)...);
    if (!inspection.admitted() || !supports<Meta>(std::get<in>(all)...) ||
        !accepts<Meta>(std::get<inputs + out>(all)..., for_shape(std::get<in>(all))...))
        [[unlikely]] {
      return fall_back<Meta, Op>(std::get<in>(all)..., std::get<inputs + out>(all)...);
    }
    const c10::DeviceGuard guard(inspection.device());
    Shape<Meta, Output::out, results> shape({std::get<inputs + out>(all)...});
    shape.meta(for_shape(std::get<in>(all))...);
    launch<Op>(Op::name, std::get<in>(all)..., std::get<inputs + out>(all)...);
    return R(std::get<inputs + out>(all)...);
  }
};

template <class Op>
std::string schema_name() {
  const std::string_view name = Op::name;
  const std::string_view overload = Op::overload_name;
  std::string result(name.substr(name.find("::") + 2));
  if (!overload.empty()) {
    result.append(".").append(overload);
  }
  return result;
}

template <class Meta, Gate gate, class Runner, class Op>
void variant(torch::Library& library) {
  using R = Result<Op>;
  constexpr std::string_view name = Op::name;
  const auto schema = schema_name<Op>();
  if constexpr (Results<R>::are_new) {
    library.impl(schema.c_str(), &Functional<Meta, gate, Runner, Op>::call);
  } else if constexpr (name.ends_with('_')) {
    library.impl(schema.c_str(), &InPlace<Meta, gate, Op>::call);
  } else {
    library.impl(schema.c_str(), &Out<Meta, gate, Op>::call);
  }
}

/// The runner of operators that have in-place variants only.
struct InPlaceOnly {};

/// A runner that is not registered: the CPU's out= variant judges or lays out its output in ways of
/// its own, which is best left to the synchronous fallback.
template <class OutOp>
struct Internal {
  using schema = typename OutOp::schema;
  static constexpr auto redispatch = &OutOp::redispatch;
};

/// Registers an operator's variants.
///
/// Args:
///   Meta: the shape function of all of them.
///   gate: the dtypes that run asynchronously.
///   Runner: the out= variant, which also runs the functional one; registered if it is an operator.
///   Ops: the other variants.
template <class Meta, Gate gate, class Runner, class... Ops>
void kernel(torch::Library& library) {
  if constexpr (requires { Runner::name; }) {
    variant<Meta, gate, Runner, Runner>(library);
  }
  (variant<Meta, gate, Runner, Ops>(library), ...);
}

}  // namespace xpu_runtime::kernels
