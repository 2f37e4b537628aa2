#pragma once

#include <ATen/core/IListRef.h>
#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <c10/core/OptionalRef.h>
#include <c10/core/Scalar.h>
#include <c10/core/SymIntArrayRef.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/OptionalArrayRef.h>
#include <c10/util/SmallVector.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/kernels/alias_set.h"

/// How an argument of each type in operator schemas gets from the call into a task, and into a
/// shape function of ATen.
namespace xpu_runtime::kernels {

template <class T>
struct is_array_ref : std::false_type {};
template <class T>
struct is_array_ref<c10::ArrayRef<T>> : std::true_type {};

/// `Kept` owns the argument in the task, `keep` makes it, `lend` gives it to the CPU kernel in
/// the type of the schema, `each_tensor` visits its tensors. This one: values.
template <class T>
struct ArgumentOf {
  static_assert(!is_array_ref<T>::value && !std::is_same_v<T, std::string_view>,
                "a view does not outlive the call: give it a specialisation");
  using Kept = T;
  static constexpr bool has_tensors = false;
  static Kept keep(AliasSet& /*aliases*/, const T& value) { return value; }
  static const T& lend(const Kept& kept) { return kept; }
};

template <>
struct ArgumentOf<at::Tensor> {
  using Kept = at::Tensor;
  static constexpr bool has_tensors = true;
  static Kept keep(AliasSet& aliases, const at::Tensor& tensor) { return aliases(tensor); }
  static at::Tensor& lend(Kept& kept) { return kept; }
  template <class Visit>
  static void each_tensor(const at::Tensor& tensor, const Visit& visit) {
    visit(tensor);
  }
};

template <>
struct ArgumentOf<std::optional<at::Tensor>> {
  using Kept = std::optional<at::Tensor>;
  static constexpr bool has_tensors = true;
  static Kept keep(AliasSet& aliases, const Kept& tensor) {
    return tensor.has_value() ? Kept(aliases(*tensor)) : Kept();
  }
  static const Kept& lend(const Kept& kept) { return kept; }
  template <class Visit>
  static void each_tensor(const Kept& tensor, const Visit& visit) {
    if (tensor.has_value()) {
      visit(*tensor);
    }
  }
};

/// Lists of tensors. No sharing is looked for among them: that would take quadratic time.
template <class List>
struct TensorListArgument {
  using Kept = std::vector<at::Tensor>;
  static constexpr bool has_tensors = true;
  static Kept keep(AliasSet& /*aliases*/, const List& list) {
    Kept kept;
    kept.reserve(list.size());
    for (const at::Tensor& tensor : list) {
      kept.push_back(AliasSet()(tensor));
    }
    return kept;
  }
  static List lend(const Kept& kept) { return List(kept); }
  template <class Visit>
  static void each_tensor(const List& list, const Visit& visit) {
    for (const at::Tensor& tensor : list) {
      visit(tensor);
    }
  }
};
template <>
struct ArgumentOf<at::TensorList> : TensorListArgument<at::TensorList> {};
template <>
struct ArgumentOf<at::ITensorListRef> : TensorListArgument<at::ITensorListRef> {};

template <>
struct ArgumentOf<c10::List<std::optional<at::Tensor>>> {
  using Kept = c10::List<std::optional<at::Tensor>>;
  static constexpr bool has_tensors = true;
  static Kept keep(AliasSet& aliases, const Kept& list) {
    Kept kept;
    kept.reserve(list.size());
    for (const std::optional<at::Tensor>& tensor : list) {
      kept.push_back(ArgumentOf<std::optional<at::Tensor>>::keep(aliases, tensor));
    }
    return kept;
  }
  static const Kept& lend(const Kept& kept) { return kept; }
  template <class Visit>
  static void each_tensor(const Kept& list, const Visit& visit) {
    for (const std::optional<at::Tensor>& tensor : list) {
      ArgumentOf<std::optional<at::Tensor>>::each_tensor(tensor, visit);
    }
  }
};

template <class T>
struct ArgumentOf<c10::ArrayRef<T>> {
  using Kept = c10::SmallVector<T, 5>;
  static constexpr bool has_tensors = false;
  static Kept keep(AliasSet& /*aliases*/, c10::ArrayRef<T> view) {
    return Kept(view.begin(), view.end());
  }
  static c10::ArrayRef<T> lend(const Kept& kept) { return kept; }
};

template <class T>
struct ArgumentOf<c10::OptionalArrayRef<T>> {
  using Kept = std::optional<c10::SmallVector<T, 5>>;
  static constexpr bool has_tensors = false;
  static Kept keep(AliasSet& aliases, c10::OptionalArrayRef<T> view) {
    return view.has_value() ? Kept(ArgumentOf<c10::ArrayRef<T>>::keep(aliases, *view)) : Kept();
  }
  static c10::OptionalArrayRef<T> lend(const Kept& kept) {
    return kept.has_value() ? c10::OptionalArrayRef<T>(*kept) : c10::OptionalArrayRef<T>();
  }
};

template <class T>
struct ArgumentOf<std::optional<c10::ArrayRef<T>>> {
  using Kept = std::optional<c10::SmallVector<T, 5>>;
  static constexpr bool has_tensors = false;
  static Kept keep(AliasSet& aliases, std::optional<c10::ArrayRef<T>> view) {
    return view.has_value() ? Kept(ArgumentOf<c10::ArrayRef<T>>::keep(aliases, *view)) : Kept();
  }
  static std::optional<c10::ArrayRef<T>> lend(const Kept& kept) {
    return kept.has_value() ? std::optional<c10::ArrayRef<T>>(*kept) : std::nullopt;
  }
};

template <>
struct ArgumentOf<std::string_view> {
  using Kept = std::string;
  static constexpr bool has_tensors = false;
  static Kept keep(AliasSet& /*aliases*/, std::string_view view) { return Kept(view); }
  static std::string_view lend(const Kept& kept) { return kept; }
};

template <>
struct ArgumentOf<std::optional<std::string_view>> {
  using Kept = std::optional<std::string>;
  static constexpr bool has_tensors = false;
  static Kept keep(AliasSet& /*aliases*/, std::optional<std::string_view> view) {
    return view.has_value() ? Kept(*view) : Kept();
  }
  static std::optional<std::string_view> lend(const Kept& kept) { return kept; }
};

template <class Parameter>
using Argument = ArgumentOf<std::remove_cvref_t<Parameter>>;

/// The argument in the type that shape functions take.
template <class T>
const T& for_shape(const T& argument) {
  return argument;
}
inline at::OptionalTensorRef for_shape(const std::optional<at::Tensor>& tensor) {
  return tensor.has_value() && tensor->defined() ? at::OptionalTensorRef(*tensor)
                                                 : at::OptionalTensorRef();
}
inline at::OptionalScalarRef for_shape(const std::optional<at::Scalar>& scalar) {
  return scalar.has_value() ? at::OptionalScalarRef(*scalar) : at::OptionalScalarRef();
}
inline std::int64_t for_shape(const c10::SymInt& size) {
  return size.guard_int(__FILE__, __LINE__);
}
inline c10::IntArrayRef for_shape(c10::SymIntArrayRef sizes) {
  return C10_AS_INTARRAYREF_SLOW(sizes);
}

}  // namespace xpu_runtime::kernels
