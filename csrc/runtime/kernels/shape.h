#pragma once

#include <ATen/TensorIterator.h>
#include <ATen/TensorMeta.h>
#include <ATen/core/Tensor.h>
#include <c10/core/TensorOptions.h>

#include <array>
#include <cstdint>
#include <type_traits>

/// Runs shape functions: classes in the form of ATen's `structured_*` (at::impl::MetaBase with a
/// `meta(arguments...)` that calls set_output_*). They are given the XPU tensors themselves, no
/// meta tensors: a shape function looks at sizes, strides, dtype and device only.
namespace xpu_runtime::kernels {

/// What happens to an output that a shape function describes.
enum class Output : std::uint8_t { allocate, in_place, out };

/// A new XPU tensor on the current stream of `options.device()`, which is the current device.
[[nodiscard]] at::Tensor allocate(at::IntArrayRef sizes, at::IntArrayRef strides,
                                  const at::TensorOptions& options);

/// Throws what ATen's in-place operators throw for a `self` that cannot take the result.
void check_in_place(const at::Tensor& self, at::IntArrayRef sizes,
                    const at::TensorOptions& options);

/// Brings an out= argument to the size of the result, with ATen's errors and warning.
void resize_out(const at::Tensor& out, at::IntArrayRef sizes, at::IntArrayRef strides,
                const at::TensorOptions& options);

/// `Meta` with its outputs placed on the XPU.
template <class Meta, Output kind, std::size_t count>
class Shape final : public Meta {
 public:
  Shape() = default;
  explicit Shape(std::array<at::Tensor, count> outputs) : outputs_(std::move(outputs)) {}

  const at::Tensor& maybe_get_output(std::int64_t index) override { return outputs_[index]; }

  void set_output_raw_strided(std::int64_t index, at::IntArrayRef sizes, at::IntArrayRef strides,
                              at::TensorOptions options) override {
    auto& output = outputs_[index];
    if constexpr (kind == Output::allocate) {
      output = allocate(sizes, strides, options);
    } else if constexpr (kind == Output::in_place) {
      check_in_place(output, sizes, options);
    } else {
      resize_out(output, sizes, strides, options);
    }
    if constexpr (std::is_base_of_v<at::TensorIteratorBase, Meta>) {
      Meta::set_output_raw_strided(index, sizes, strides, options);
    }
  }

  // A kernel that insists on strides makes its own temporary for an output with other ones.
  void set_output_strided(std::int64_t index, at::IntArrayRef sizes, at::IntArrayRef strides,
                          at::TensorOptions options) override {
    set_output_raw_strided(index, sizes, strides, options);
  }

  std::array<at::Tensor, count>& outputs() { return outputs_; }

 private:
  std::array<at::Tensor, count> outputs_;
};

}  // namespace xpu_runtime::kernels
