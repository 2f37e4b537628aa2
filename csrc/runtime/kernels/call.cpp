#include "runtime/kernels/call.h"

#include <ATen/Dispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/op_registration/adaption.h>
#include <c10/util/TypeCast.h>

namespace xpu_runtime::kernels {
namespace {

template <class T>
bool is_in_range(const at::Scalar& value) {
  if (value.isComplex()) {
    return c10::is_complex<T>::value && !c10::overflows<T>(value.toComplexDouble());
  }
  return value.isFloatingPoint() ? !c10::overflows<T>(value.toDouble())
                                 : !c10::overflows<T>(value.toLong());
}

bool is_representable(const at::Scalar& value, c10::ScalarType type) {
  if (value.isSymbolic() || !kAll.holds(type)) {
    return false;
  }
  return AT_DISPATCH_ALL_TYPES_AND_COMPLEX_AND3(at::kBool, at::kHalf, at::kBFloat16, type,
                                                "is_representable",
                                                [&] { return is_in_range<scalar_t>(value); });
}

}  // namespace

TouchedMemory::TouchedMemory(const OperatorName& op) {
  if (!op.name) {
    return;
  }
  const auto found = c10::Dispatcher::singleton().findSchema({op.name, op.overload});
  schema_ = found ? &found->schema() : nullptr;
}

bool TouchedMemory::written(std::size_t position) const {
  if (!schema_ || position >= schema_->arguments().size()) {
    return false;
  }
  const auto* alias = schema_->arguments()[position].alias_info();
  return alias && alias->isWrite();
}

c10::Device Inspection::device() const {
  TORCH_INTERNAL_ASSERT(device_.has_value(), name_, ": an XPU kernel without an XPU argument");
  return *device_;
}

void Inspection::tensor(const at::Tensor& tensor, bool is_input) {
  if (!tensor.defined()) {
    return;
  }
  const auto device = tensor.device();
  if (!device_.has_value() && device.is_xpu()) {
    device_ = device;
  }
  if (!first_.has_value()) {
    first_ = device;
    first_type_ = tensor.scalar_type();
  } else if (check_ == DeviceCheck::strict && *first_ != device) {
    refuse(tensor);
  }
  const auto type = tensor.scalar_type();
  admitted_ = admitted_ && (is_input ? gate_.admits(position_, type, first_type_)
                                     : gate_.admits_output(type, first_type_));
}

void Inspection::number(const at::Scalar& value) {
  if (first_type_ != c10::ScalarType::Undefined) {
    admitted_ = admitted_ && is_representable(value, first_type_);
  }
}

void Inspection::refuse(const at::Tensor& tensor) const {
  const auto& schema = c10::Dispatcher::singleton().findSchemaOrThrow(name_, overload_).schema();
  std::string argument = "?";
  std::size_t position = 0;
  for (const auto& candidate : schema.arguments()) {
    if (candidate.type()->str().starts_with("Tensor") && position++ == position_) {
      argument = candidate.name();
    }
  }
  c10::impl::common_device_check_failure(*first_, tensor, name_, argument.c_str());
  TORCH_CHECK(false, name_, ": ", argument, " is on ", tensor.device(), ", not on ", *first_);
}

}  // namespace xpu_runtime::kernels
