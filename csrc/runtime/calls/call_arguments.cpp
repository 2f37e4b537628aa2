#include "runtime/calls/call_arguments.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "runtime/calls/tensors_of.h"
#include "runtime/tensors/accesses.h"

namespace xpu_runtime {
namespace {

using at::Tensor;
using c10::IValue;

// What a word that begins an argument says; its lowest byte.
enum Word : std::int64_t {
  none,
  undefined,
  device,
  host,
  integer,
  truth,
  real,
  complex,
  words,
  bytes
};

// Where the ranges of dtypes end: a CPU kernel refuses a number beyond that of its tensor. One is
// where probabilities end.
constexpr std::array<double, 11> kLimits{0,       1,     127,   128,          255,         32767,
                                         32768.0, 65504, 65535, 2147483647.0, 2147483648.0};
constexpr double kFloatLimit = std::numeric_limits<float>::max();
constexpr std::int64_t kExact = 16;  // numbers that operators compare with, such as the p of a norm

// Numbers decide nothing about the tensors that a call returns, and change at every step of an
// optimizer. So a signature holds only what can make a kernel refuse one.
std::int64_t range_of(double value) {
  if (std::isnan(value)) return 31;
  const double size = std::abs(value);
  const auto range = std::lower_bound(kLimits.begin(), kLimits.end(), size) - kLimits.begin() +
                     (size > kFloatLimit) + std::isinf(value);
  return range << 1 | (value < 0);
}

std::int64_t word(Word kind, std::int64_t value) { return value << 8 | kind; }

std::int64_t number_word(double value) { return word(real, range_of(value)); }

std::int64_t number_word(std::int64_t value) {
  const bool small = -kExact <= value && value <= kExact;
  return word(integer, small ? value << 1 : range_of(static_cast<double>(value)) << 1 | 1);
}

}  // namespace

CallArguments::CallArguments(const c10::OperatorHandle& op, c10::ArrayRef<IValue> values,
                             Detail detail)
    : op_(op), values_(values), detail_(detail) {
  signature_.push_back(std::bit_cast<std::int64_t>(&op.schema()) << 1 | (detail == Detail::kind));
  for (std::size_t i = 0; i < values.size(); ++i) argument(values[i], i);
}

void CallArguments::argument(const IValue& value, std::size_t position) {
  if (value.isTensor())
    tensor(value.toTensor(), position, /*in_list=*/false);
  else if (kind_of(position) == c10::TypeKind::GeneratorType)
    generator(value, position);
  else if (value.isNone())
    signature_.push_back(word(none, 0));
  else if (value.isBool())
    signature_.push_back(word(truth, value.toBool()));
  else if (value.isInt() && kind_of(position) != c10::TypeKind::NumberType)
    signature_.append({word(words, 1), value.toInt()});
  else if (value.isInt() || value.isDouble() || value.isComplexDouble())
    number(value);
  else if (value.isString())
    text(value.toStringRef());
  else if (value.isOptionalTensorList())
    indices(value.toListRef(), position);
  else if (value.isList())
    list(value.toListRef(), position);
  else
    plain_ = false;  // a device: not for a plan
}

void CallArguments::list(c10::ArrayRef<IValue> values, std::size_t position) {
  signature_.push_back(word(words, static_cast<std::int64_t>(values.size())));
  for (const auto& value : values) {
    if (value.isTensor())
      tensor(value.toTensor(), position, /*in_list=*/true);
    else
      argument(value, position);
  }
}

void CallArguments::indices(c10::ArrayRef<IValue> values, std::size_t position) {
  signature_.push_back(word(words, static_cast<std::int64_t>(values.size())));
  for (const auto& value : values) {
    argument(value, position);
    if (!value.isTensor() || !value.toTensor().defined()) continue;
    const auto type = value.toTensor().scalar_type();
    masked_ = masked_ || type == at::kBool || type == at::kByte;
  }
}

void CallArguments::tensor(const Tensor& tensor, std::size_t position, bool in_list) {
  if (!tensor.defined()) {
    signature_.push_back(word(undefined, 0));
    return;
  }
  if (tensor.layout() != at::kStrided) plain_ = false;
  if (tensor.is_xpu()) {
    device_tensor(tensor, in_list);
  } else {
    // A number of the host goes with tensors of any device. It is read now, so nothing may write
    // it.
    if (!tensor.is_cpu() || tensor.dim() > 0 || is_written(position)) plain_ = false;
    signature_.push_back(word(host, static_cast<std::int64_t>(tensor.scalar_type()) << 1 |
                                        tensor.unsafeGetTensorImpl()->is_wrapped_number()));
  }
  tensors_.push_back(&tensor);
}

void CallArguments::device_tensor(const Tensor& tensor, bool in_list) {
  const auto place = tensor.device();
  if (!device_) device_ = place;
  if (*device_ != place) plain_ = false;
  const auto type = tensor.scalar_type();
  const auto* impl = tensor.unsafeGetTensorImpl();
  signature_.push_back(word(
      xpu_runtime::device, static_cast<std::int64_t>(type) | std::int64_t{tensor.is_conj()} << 8 |
                               std::int64_t{tensor.is_neg()} << 9 |
                               std::int64_t{impl->is_wrapped_number()} << 10 | tensor.dim() << 16));
  if (detail_ == Detail::full) {
    signature_.append(tensor.sizes().begin(), tensor.sizes().end());
    signature_.append(tensor.strides().begin(), tensor.strides().end());
  }
  // Among the tensors of a list it is not looked for: that would take quadratic time.
  if (!in_list) memory_shared_with(tensor);
}

// CPU kernels look at what is the same tensor, or memory, to find out about in-place operation.
void CallArguments::memory_shared_with(const Tensor& tensor) {
  const auto* storage = tensor.storage().unsafeGetStorageImpl();
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& other = *tensors_[i];
    if (!other.is_xpu() || other.storage().unsafeGetStorageImpl() != storage) continue;
    const bool same = other.is_same(tensor);
    shared_ = shared_ || !same;
    signature_.append({word(words, static_cast<std::int64_t>(i) << 1 | same),
                       tensor.storage_offset() - other.storage_offset()});
    return;
  }
  signature_.push_back(word(none, 0));
}

void CallArguments::number(const IValue& value) {
  if (value.isInt()) {
    signature_.push_back(number_word(value.toInt()));
  } else if (value.isDouble()) {
    signature_.push_back(number_word(value.toDouble()));
  } else {
    const auto both = value.toComplexDouble();
    signature_.append({word(complex, 0), number_word(both.real()), number_word(both.imag())});
  }
}

void CallArguments::text(const std::string& text) {
  signature_.push_back(word(bytes, static_cast<std::int64_t>(text.size())));
  for (std::size_t i = 0; i < text.size(); i += sizeof(std::int64_t)) {
    std::int64_t part = 0;
    std::memcpy(&part, text.data() + i, std::min(sizeof(part), text.size() - i));
    signature_.push_back(part);
  }
}

// Which of two bounds is the larger decides about an error, so here numbers go in as they are.
void CallArguments::generator(const IValue& value, std::size_t position) {
  if (!value.isNone() && !value.toGenerator().device().is_xpu()) plain_ = false;
  generator_ = position;
  for (const auto& each : values_)
    if (each.isDouble())
      signature_.append({word(words, 1), std::bit_cast<std::int64_t>(each.toDouble())});
}

// An int of a schema is a size or a dimension, which decides everything; a Scalar is a number.
c10::TypeKind CallArguments::kind_of(std::size_t position) const {
  const auto* type = op_.schema().arguments()[position].type().get();
  if (const auto* optional = type->castRaw<c10::OptionalType>())
    type = optional->getElementType().get();
  if (const auto* list = type->castRaw<c10::ListType>()) type = list->getElementType().get();
  return type->kind();
}

bool CallArguments::is_written(std::size_t position) const {
  const auto* alias = op_.schema().arguments()[position].alias_info();
  return alias && alias->isWrite();
}

order_log::Accesses CallArguments::accesses() const {
  order_log::Accesses result;
  for (std::size_t i = 0; i < values_.size(); ++i)
    for_each_tensor(values_[i], [&](const Tensor& tensor) {
      if (tensor.is_xpu()) order_log::add_access(result, tensor, is_written(i));
    });
  return result;
}

}  // namespace xpu_runtime
