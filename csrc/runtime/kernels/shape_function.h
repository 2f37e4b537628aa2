#pragma once

#include <ATen/TensorIterator.h>
#include <ATen/TensorMeta.h>
#include <ATen/core/Tensor.h>
#include <c10/core/MemoryFormat.h>

#include <cstdint>

/// Parts for shape functions of operators that have none in ATen.
///
/// Such a shape function says by `supports` that it understands the call; all else, errors above
/// all, is left to the CPU kernel by way of the synchronous fallback. `meta` then places outputs.
namespace xpu_runtime::kernels {

/// Base of the shape functions that do not follow TensorIterator.
struct ShapeFunction : at::impl::MetaBase {
 protected:
  void place(std::int64_t index, at::IntArrayRef sizes, const at::TensorOptions& options,
             at::MemoryFormat format = at::MemoryFormat::Contiguous) {
    set_output_raw_strided(index, sizes, {}, options.memory_format(format));
  }
  /// As empty_like does: the strides of `tensor`, made dense.
  void place_like(std::int64_t index, const at::Tensor& tensor);
};

/// The output has the first argument's dtype, sizes and strides.
struct UnaryShape : at::TensorIteratorBase {
  template <class... Values>
  void meta(const at::Tensor& self, const Values&... /*values*/) {
    build_borrowing_unary_op(maybe_get_output(0), self);
  }
};

/// The operands broadcast and have one dtype after promotion.
struct BinaryShape : at::TensorIteratorBase {
  template <class... Values>
  void meta(const at::Tensor& self, const at::Tensor& other, const Values&... /*values*/) {
    build_borrowing_binary_op(maybe_get_output(0), self, other);
  }
};

/// Bool output, unless an output of another dtype is given.
struct ComparisonShape : at::TensorIteratorBase {
  void meta(const at::Tensor& self, const at::Tensor& other) {
    build_borrowing_comparison_op(maybe_get_output(0), self, other);
  }
};

/// The first argument is overwritten whatever it is, unless it overlaps itself.
struct OverwriteShape : ShapeFunction {
  template <class... Args>
  static bool supports(const at::Tensor& self, const Args&... /*arguments*/) {
    return is_writable(self);
  }
  template <class... Args>
  void meta(const Args&... /*arguments*/) {}

  /// Whether every element has a place of its own.
  static bool is_writable(const at::Tensor& self);
};

}  // namespace xpu_runtime::kernels
