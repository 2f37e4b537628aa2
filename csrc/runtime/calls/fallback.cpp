#include "runtime/calls/fallback.h"

#include <c10/core/DeviceGuard.h>
#include <c10/xpu/XPUFunctions.h>
#include <c10/xpu/XPUStream.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <string_view>
#include <vector>

#include "runtime/backend/generator.h"
#include "runtime/c10_xpu/clean_dispatch.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/c10_xpu/trace.h"
#include "runtime/calls/tensors_of.h"
#include "runtime/calls/twins.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"
#include "runtime/tensors/factories.h"
#include "runtime/tensors/storage.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::Device;
using c10::IValue;
using c10::OperatorHandle;
using torch::jit::Stack;

std::atomic<std::int64_t> calls{0};

// Arguments that may be on the CPU next to XPU tensors by design: lists of indices, and lengths of
// sequences, which the host reads.
bool may_be_on_the_host(const c10::Argument& argument) {
  constexpr std::array<std::string_view, 4> lengths{"lengths", "batch_sizes", "input_lengths",
                                                    "target_lengths"};
  const auto is = [&](std::string_view name) { return argument.name() == name; };
  const auto kind = argument.type()->kind();
  if (kind == c10::TypeKind::ListType) return is("indices");
  return kind == c10::TypeKind::TensorType && std::any_of(lengths.begin(), lengths.end(), is);
}

/// The one device that the arguments of a call are on.
class OneDevice {
 public:
  explicit OneDevice(const c10::FunctionSchema& schema) : schema_(schema) {}

  void see(const IValue& value, const c10::Argument& argument) {
    for_each_tensor(value, [&](const Tensor& tensor) {
      if (!goes_with_any(tensor, argument)) see(tensor.device());
    });
    if (value.isDevice() && value.toDevice().is_xpu()) see(value.toDevice());
    if (value.isGenerator()) generator_ = value.toGenerator().device();
  }

  [[nodiscard]] Device get() const {
    TORCH_CHECK(xpu_ || !other_ || !generator_, "Expected a generator of a '", other_->type(),
                "' device, but found '", *generator_, "' (when calling ", schema_.name(), ")");
    const auto device = xpu_.value_or(Device(c10::kXPU, c10::xpu::current_device()));
    TORCH_CHECK(!other_,
                "Expected all tensors to be on the same device, but found at least two devices, ",
                device, " and ", *other_, "! (when calling ", schema_.name(), ")");
    return device;
  }

 private:
  // A CPU number goes with tensors of any device; other CPU tensors do not.
  static bool goes_with_any(const Tensor& tensor, const c10::Argument& argument) {
    return tensor.is_cpu() && (tensor.dim() == 0 || may_be_on_the_host(argument));
  }
  void see(Device device) {
    if (device.is_xpu() && !device.has_index()) device.set_index(c10::xpu::current_device());
    if (device.is_xpu() && !xpu_) xpu_ = device;
    if (device != xpu_) other_ = device;
  }

  const c10::FunctionSchema& schema_;
  std::optional<Device> xpu_;
  std::optional<Device> other_;
  std::optional<Device> generator_;
};

Device device_of(const OperatorHandle& op, const CallArguments& arguments) {
  OneDevice device(op.schema());
  for (std::size_t i = 0; i < arguments.values().size(); ++i)
    device.see(arguments.values()[i], op.schema().arguments()[i]);
  return device.get();
}

Tensor held_alias(const Tensor& tensor) { return cpu_alias(tensor, Hold::yes); }

Stack arguments_on_cpu(const CallArguments& arguments, Device device) {
  auto work = with_twins(arguments.values(), &held_alias);
  for (auto& value : work)
    if (value.isDevice() && value.toDevice().is_xpu()) value = Device(c10::kCPU);
  if (const auto i = arguments.generator_position())
    work[*i] = cpu_generator(work[*i].toOptional<at::Generator>(), device);
  return work;
}

std::vector<Tensor> tensors_of(const Stack& stack) {
  std::vector<Tensor> tensors;
  for (const auto& value : stack)
    for_each_tensor(value, [&](const Tensor& tensor) { tensors.push_back(tensor); });
  return tensors;
}

void call_on_cpu(const OperatorHandle& op, Stack& stack) {
  const CleanDispatch dispatch;
  TORCH_CHECK_NOT_IMPLEMENTED(
      op.hasKernelForDispatchKey(c10::DispatchKey::CPU) ||
          op.hasKernelForDispatchKey(c10::DispatchKey::CompositeExplicitAutograd) ||
          op.hasKernelForDispatchKey(c10::DispatchKey::CompositeImplicitAutograd),
      "The operator '", op.operator_name(),
      "' has no kernel for the xpu device of this runtime, and none for the CPU to fall back on.");
  op.callBoxed(&stack);
}

// Takes over the shape of an argument, and its memory where the kernel has grown that.
void take_over(const Tensor& twin, const Tensor& xpu) {
  if (Layout(twin) == Layout(xpu) && twin.storage_offset() == xpu.storage_offset()) return;
  auto& storage = *xpu.storage().unsafeGetStorageImpl();
  const auto& grown = twin.storage();
  if (grown.data() != storage.data() && grown.nbytes() != 0) {
    grow_storage(storage, grown.nbytes(), Contents::discard);
    std::memcpy(storage.mutable_data(), grown.data(), grown.nbytes());
  }
  auto* impl = xpu.unsafeGetTensorImpl();
  impl->set_storage_offset(twin.storage_offset());
  impl->set_sizes_and_strides(twin.sizes(), twin.strides());
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
  const CleanDispatch dispatch;
  if (source.numel() != 0) cpu_alias(copy).copy_(source);
  return copy;
}

Tensor to_device(const Tensor& result, const CallArguments& arguments,
                 const std::vector<Tensor>& twins, Device device) {
  if (!result.defined() || !result.is_cpu()) return result;
  const auto originals = arguments.tensors();
  for (std::size_t i = 0; i < twins.size(); ++i)
    if (twins[i].is_same(result)) return *originals[i];
  if (result.layout() == at::kStrided)
    for (std::size_t i = 0; i < twins.size(); ++i)
      if (originals[i]->is_xpu() && twins[i].is_alias_of(result))
        return tensor_over(originals[i]->storage(), result.storage_offset(), result,
                           c10::DispatchKey::XPU);
  return copy_to_device(result, device);
}

// Lengths are for the host whatever device the sequences are on.
bool is_for_the_host(const OperatorHandle& op, std::size_t result) {
  return result == 1 && op.schema().name() == "aten::_pack_padded_sequence";
}

}  // namespace

void cpu_fallback(const OperatorHandle& op, const CallArguments& arguments, Stack* stack) {
  calls.fetch_add(1, std::memory_order_relaxed);
  const auto device = device_of(op, arguments);
  const c10::DeviceGuard guard(device);
  const auto stream = c10::xpu::getCurrentXPUStream(device.index());
  synchronize(stream);
  auto work = arguments_on_cpu(arguments, device);
  const auto twins = tensors_of(work);
  const auto begin_ns = trace::begin_ns();
  call_on_cpu(op, work);
  if (begin_ns || order_log::enabled()) [[unlikely]]
    order_log::add_host_work(stream, op.schema().name().c_str(), arguments.accesses(), begin_ns);
  for (std::size_t i = 0; i < twins.size(); ++i)
    if (arguments.tensors()[i]->is_xpu()) take_over(twins[i], *arguments.tensors()[i]);
  for (std::size_t i = 0; i < work.size(); ++i)
    if (!is_for_the_host(op, i))
      work[i] = with_tensors(work[i], [&](const Tensor& result) {
        return to_device(result, arguments, twins, device);
      });
  torch::jit::drop(*stack, arguments.values().size());
  stack->insert(stack->end(), work.begin(), work.end());
}

std::int64_t fallback_count() noexcept { return calls.load(std::memory_order_relaxed); }

}  // namespace xpu_runtime
