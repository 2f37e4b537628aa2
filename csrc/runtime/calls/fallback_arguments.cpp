#include "runtime/calls/fallback_arguments.h"

#include <c10/xpu/XPUFunctions.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "runtime/backend/generator.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"
#include "runtime/tensors/factories.h"
#include "runtime/tensors/storage.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::Device;
using c10::IValue;

// Operators that take CPU tensors next to XPU tensors by design, and for which of their arguments:
// indices may be anywhere, and lengths of sequences are read by the host.
constexpr std::array<std::string_view, 11> kMixedDevices{"aten::index",
                                                         "aten::index_put",
                                                         "aten::index_put_",
                                                         "aten::_index_put_impl",
                                                         "aten::_index_put_impl_",
                                                         "aten::_unsafe_index",
                                                         "aten::_unsafe_index_put",
                                                         "aten::_pack_padded_sequence",
                                                         "aten::_pack_padded_sequence_backward",
                                                         "aten::_ctc_loss",
                                                         "aten::_ctc_loss_backward"};
constexpr std::array<std::string_view, 5> kHostArguments{"indices", "lengths", "batch_sizes",
                                                         "input_lengths", "target_lengths"};

// Results that are for the host whatever device the arguments are on.
constexpr std::array<std::pair<std::string_view, std::size_t>, 1> kHostResults{
    {{"aten::_pack_padded_sequence", 1}}};

template <class Names>
bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_host_result(const std::string& name, std::size_t index) {
  return std::find(kHostResults.begin(), kHostResults.end(),
                   std::pair<std::string_view, std::size_t>(name, index)) != kHostResults.end();
}

bool takes_generator(const c10::Argument& argument) {
  const auto& type = argument.type();
  const auto optional = type->cast<c10::OptionalType>();
  const auto kind = optional ? optional->getElementType()->kind() : type->kind();
  return kind == c10::TypeKind::GeneratorType;
}

Tensor view_on(const Tensor& base, const Tensor& shape) {
  auto view = at::detail::make_tensor<c10::TensorImpl>(
      c10::Storage(base.storage()), c10::DispatchKeySet(c10::DispatchKey::XPU), shape.dtype());
  auto* impl = view.unsafeGetTensorImpl();
  impl->set_storage_offset(shape.storage_offset());
  impl->set_sizes_and_strides(shape.sizes(), shape.strides());
  if (shape.is_conj()) view._set_conj(true);
  if (shape.is_neg()) view._set_neg(true);
  return view;
}

Tensor copy_to_device(const Tensor& result, Device device) {
  TORCH_CHECK_NOT_IMPLEMENTED(result.layout() == at::kStrided, "The result has layout ",
                              result.layout(),
                              ", but the xpu device of this runtime has strided "
                              "tensors only. Compute it on the CPU.");
  // Expanded results would have several elements in one place.
  const bool dense = result.is_non_overlapping_and_dense();
  const Tensor source = dense ? result : result.contiguous();
  auto copy = empty_strided(source.sizes(), source.strides(), source.scalar_type(), device);
  if (source.numel() != 0) cpu_alias(copy).copy_(source);
  return copy;
}

}  // namespace

void FallbackArguments::note_device(Device device) {
  if (!device.has_index()) device.set_index(c10::xpu::current_device());
  if (!device_) device_ = device;
  if (*device_ != device) other_device_ = device;
}

// A CPU number goes with tensors of any device; other CPU tensors do not.
void FallbackArguments::note_foreign(const Tensor& tensor, const c10::Argument& argument) {
  const bool by_design =
      contains(kMixedDevices, schema_.name()) && contains(kHostArguments, argument.name());
  if (!tensor.is_cpu() || (tensor.dim() > 0 && !by_design)) other_device_ = tensor.device();
  if (tensor.is_cpu()) given_on_cpu_.push_back(tensor);
}

Device FallbackArguments::device() const {
  TORCH_CHECK(device_ || !other_device_ || !generator_device_, "Expected a generator of a '",
              other_device_->type(), "' device, but found '", *generator_device_,
              "' (when calling ", schema_.name(), ")");
  const auto device = device_.value_or(Device(c10::kXPU, c10::xpu::current_device()));
  TORCH_CHECK(!other_device_,
              "Expected all tensors to be on the same device, but found at least two devices, ",
              device, " and ", *other_device_, "! (when calling ", schema_.name(), ")");
  return device;
}

Tensor FallbackArguments::to_cpu(const Tensor& tensor, const c10::Argument& argument) {
  if (!tensor.defined()) return tensor;
  if (!tensor.is_xpu()) {
    note_foreign(tensor, argument);
    return tensor;
  }
  note_device(tensor.device());
  const bool is_written = argument.alias_info() && argument.alias_info()->isWrite();
  const Pair* same_storage = nullptr;
  for (auto& pair : pairs_) {
    if (pair.xpu.is_same(tensor)) {
      pair.is_written |= is_written;
      return pair.cpu;
    }
    if (pair.xpu.is_alias_of(tensor)) same_storage = &pair;
  }
  auto alias = cpu_alias(tensor, Hold::yes);
  if (same_storage)
    alias.unsafeGetTensorImpl()->set_storage_keep_dtype(same_storage->cpu.storage());
  pairs_.push_back({tensor, alias, is_written});
  return alias;
}

IValue FallbackArguments::to_cpu(const IValue& value, const c10::Argument& argument) {
  if (value.isTensor()) return to_cpu(value.toTensor(), argument);
  if (value.isTensorList()) {
    c10::List<Tensor> list;
    for (const Tensor& tensor : value.toTensorVector()) list.push_back(to_cpu(tensor, argument));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<Tensor>> list;
    for (const std::optional<Tensor>& tensor : value.toOptionalTensorVector())
      list.push_back(tensor ? std::optional(to_cpu(*tensor, argument)) : std::nullopt);
    return list;
  }
  if (value.isDevice() && value.toDevice().is_xpu()) {
    note_device(value.toDevice());
    return Device(c10::kCPU);
  }
  return value;
}

void FallbackArguments::to_cpu(torch::jit::Stack& stack) {
  const auto& arguments = schema_.arguments();
  auto* values = &stack[stack.size() - arguments.size()];
  for (std::size_t i = 0; i < arguments.size(); ++i) values[i] = to_cpu(values[i], arguments[i]);
  // In a second pass: which device's generator is the default depends on the tensors.
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!takes_generator(arguments[i])) continue;
    const auto given = values[i].isNone() ? std::nullopt : std::optional(values[i].toGenerator());
    if (given) generator_device_ = given->device();
    values[i] = cpu_generator(given, device());
  }
}

void FallbackArguments::finish_output(const Pair& pair) const {
  auto& storage = *pair.xpu.storage().unsafeGetStorageImpl();
  const auto& resized = pair.cpu.storage();
  if (resized.data() != storage.data() && resized.nbytes() != 0) {
    grow_storage(storage, resized.nbytes(), Contents::discard);
    std::memcpy(storage.mutable_data(), resized.data(), resized.nbytes());
  }
  auto* impl = pair.xpu.unsafeGetTensorImpl();
  impl->set_storage_offset(pair.cpu.storage_offset());
  impl->set_sizes_and_strides(pair.cpu.sizes(), pair.cpu.strides());
}

order_log::Accesses FallbackArguments::accesses() const {
  order_log::Accesses result;
  for (const auto& pair : pairs_) order_log::add_access(result, pair.xpu, pair.is_written);
  return result;
}

void FallbackArguments::finish_outputs() {
  for (const auto& pair : pairs_)
    if (pair.is_written) finish_output(pair);
}

Tensor FallbackArguments::from_cpu(const Tensor& result) const {
  if (!result.defined() || !result.is_cpu()) return result;
  for (const auto& pair : pairs_)
    if (pair.cpu.is_same(result)) return pair.xpu;
  for (const auto& given : given_on_cpu_)
    if (given.is_same(result)) return result;
  if (result.layout() == at::kStrided)
    for (const auto& pair : pairs_)
      if (pair.cpu.is_alias_of(result)) return view_on(pair.xpu, result);
  return copy_to_device(result, device());
}

IValue FallbackArguments::from_cpu(const IValue& value) const {
  if (value.isTensor()) return from_cpu(value.toTensor());
  if (value.isTensorList()) {
    c10::List<Tensor> list;
    for (const Tensor& tensor : value.toTensorVector()) list.push_back(from_cpu(tensor));
    return list;
  }
  return value;
}

void FallbackArguments::from_cpu(torch::jit::Stack& stack) {
  const auto count = schema_.returns().size();
  auto* values = stack.data() + (stack.size() - count);
  for (std::size_t i = 0; i < count; ++i)
    if (!is_host_result(schema_.name(), i)) values[i] = from_cpu(values[i]);
}

}  // namespace xpu_runtime
