#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstdint>
#include <map>
#include <optional>

#include "runtime/calls/call_arguments.h"
#include "runtime/calls/plan.h"

/// Scenes, in which a call is tried before it is made: other tensors in place of its own.
namespace xpu_runtime {

/// An uninitialised tensor of the host.
[[nodiscard]] at::Tensor host_tensor(const Layout& layout, at::ScalarType type);

class Scene {
 public:
  virtual ~Scene() = default;
  /// A tensor with the dtype and flags of `tensor`.
  [[nodiscard]] virtual at::Tensor twin(const at::Tensor& tensor) const = 0;
  /// A list of integers among the arguments, which may hold sizes.
  [[nodiscard]] virtual c10::IValue integers(const c10::IValue& list) const { return list; }
};

/// Tensors of the host in the layout of the originals, all elements 0 or 1.
class Filled final : public Scene {
 public:
  Filled(const CallArguments& arguments, int fill);
  [[nodiscard]] at::Tensor twin(const at::Tensor& tensor) const override;

 private:
  bool whole_;  // with all the memory that the original shows a part of
  int fill_;
};

/// The same, smaller: of a size above a few, only what it equals and exceeds is kept.
class Likeness final : public Scene {
 public:
  /// Args:
  ///   step: between sizes that follow each other.
  Likeness(const CallArguments& arguments, int fill, std::int64_t step);
  [[nodiscard]] at::Tensor twin(const at::Tensor& tensor) const override;
  [[nodiscard]] c10::IValue integers(const c10::IValue& list) const override;

  /// The size that is `size` here; nothing where that is none of the originals'.
  [[nodiscard]] std::optional<std::int64_t> original(std::int64_t size) const;

 private:
  [[nodiscard]] std::int64_t small(std::int64_t size) const;

  std::map<std::int64_t, std::int64_t> small_;  // by original size
  int fill_;
};

}  // namespace xpu_runtime
