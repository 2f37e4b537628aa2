#pragma once

#include <ATen/core/List.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <optional>

/// Tensors among the arguments and results of boxed calls, alone or in lists.
namespace xpu_runtime {

/// Whether a value is a tensor of the device.
inline bool is_on_device(const c10::IValue& value) {
  return value.isTensor() && value.toTensor().defined() && value.toTensor().is_xpu();
}

/// Calls `visit(tensor)` for each defined tensor of a value, in order.
template <class Visit>
void for_each_tensor(const c10::IValue& value, const Visit& visit) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) visit(value.toTensor());
  } else if (value.isTensorList() || value.isOptionalTensorList()) {
    for (const auto& each : value.toListRef()) for_each_tensor(each, visit);
  }
}

/// The value with `replace(tensor)` in place of each tensor.
template <class Replace>
c10::IValue with_tensors(const c10::IValue& value, const Replace& replace) {
  if (value.isTensor()) return replace(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    list.reserve(value.toListRef().size());
    for (const auto& each : value.toListRef()) list.push_back(replace(each.toTensor()));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    list.reserve(value.toListRef().size());
    for (const auto& each : value.toListRef())
      list.push_back(each.isTensor() ? std::optional(replace(each.toTensor())) : std::nullopt);
    return list;
  }
  return value;
}

}  // namespace xpu_runtime
