#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>
#include <c10/util/ArrayRef.h>
#include <c10/util/SmallVector.h>

#include <cstdint>
#include <optional>

#include "runtime/c10_xpu/order_log.h"

namespace xpu_runtime {

/// The words that tell two calls apart, as far as it matters for the tensors that they return:
/// operator, dtypes, sizes, strides, shared memory, and values that are not plain numbers.
using Signature = c10::SmallVector<std::int64_t, 64>;

/// The arguments of one boxed call, read once.
class CallArguments {
 public:
  /// How much of a call goes into its signature.
  enum class Detail : bool {
    full,
    kind,  ///< without sizes and strides: what decides whether a CPU kernel takes the call at all
  };

  /// Both outlive the object.
  CallArguments(const c10::OperatorHandle& op, c10::ArrayRef<c10::IValue> values,
                Detail detail = Detail::full);

  /// Whether all tensors are strided, on one XPU device or numbers of the host, and all other
  /// arguments are plain values.
  [[nodiscard]] bool can_be_planned() const noexcept { return plain_ && device_.has_value(); }
  [[nodiscard]] const Signature& signature() const noexcept { return signature_; }
  [[nodiscard]] c10::Device device() const { return *device_; }
  [[nodiscard]] c10::ArrayRef<c10::IValue> values() const noexcept { return values_; }

  /// Where a generator stands among the arguments, given or not.
  [[nodiscard]] std::optional<std::size_t> generator_position() const noexcept {
    return generator_;
  }

  /// The memory of the XPU tensors, for the order log.
  [[nodiscard]] order_log::Accesses accesses() const;

  /// All defined tensors, those of lists too, in the order of the arguments.
  [[nodiscard]] c10::ArrayRef<const at::Tensor*> tensors() const noexcept { return tensors_; }

  /// Whether two different tensors, outside lists, share their memory.
  [[nodiscard]] bool has_views_of_each_other() const noexcept { return shared_; }

  /// Whether a list of indices holds a mask, which selects as many elements as it has true ones.
  [[nodiscard]] bool has_mask() const noexcept { return masked_; }

 private:
  void argument(const c10::IValue& value, std::size_t position);
  void list(c10::ArrayRef<c10::IValue> values, std::size_t position);
  void indices(c10::ArrayRef<c10::IValue> values, std::size_t position);
  void tensor(const at::Tensor& tensor, std::size_t position, bool in_list);
  void device_tensor(const at::Tensor& tensor, bool in_list);
  void memory_shared_with(const at::Tensor& tensor);
  void number(const c10::IValue& value);
  void text(const std::string& text);
  void generator(const c10::IValue& value, std::size_t position);
  [[nodiscard]] c10::TypeKind kind_of(std::size_t position) const;
  [[nodiscard]] bool is_written(std::size_t position) const;

  const c10::OperatorHandle& op_;
  c10::ArrayRef<c10::IValue> values_;
  Detail detail_;
  Signature signature_;
  c10::SmallVector<const at::Tensor*, 8> tensors_;
  std::optional<c10::Device> device_;
  std::optional<std::size_t> generator_;
  bool plain_ = true;
  bool shared_ = false;
  bool masked_ = false;
};

}  // namespace xpu_runtime
