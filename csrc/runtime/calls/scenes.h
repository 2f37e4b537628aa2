#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <map>
#include <optional>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"

namespace xpu_runtime {

/// What a call is tried with before it is made: tensors of the host in place of its own, in the
/// same layout or smaller, all elements 0 or 1.
class Scene {
 public:
  /// Args:
  ///   step: 0 for the sizes of the originals. Else a likeness: of a size above a few, only what it
  ///     equals and exceeds is kept, and sizes that follow each other are so far apart.
  Scene(const CallArguments& arguments, int fill, std::int64_t step);

  /// A tensor with the dtype and flags of `tensor`.
  [[nodiscard]] at::Tensor twin(const at::Tensor& tensor) const;

  /// A list of integers among the arguments, which may hold sizes.
  [[nodiscard]] c10::IValue integers(const c10::IValue& list) const;

  /// The size that is `size` here; nothing where that is none of the originals'.
  [[nodiscard]] std::optional<std::int64_t> original(std::int64_t size) const;

 private:
  [[nodiscard]] std::int64_t small(std::int64_t size) const;

  bool whole_;  // with all the memory that an original shows a part of
  int fill_;
  std::map<std::int64_t, std::int64_t> small_;  // by original size
};

}  // namespace xpu_runtime
