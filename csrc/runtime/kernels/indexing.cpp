#include "runtime/kernels/tables.h"

#include <ATen/ops/cat_meta.h>
#include <ATen/ops/gather_meta.h>
#include <ATen/ops/index_add_meta.h>
#include <ATen/ops/index_copy_meta.h>
#include <ATen/ops/scatter_add_meta.h>
#include <ATen/ops/scatter_meta.h>
#include <ATen/ops/scatter_reduce_meta.h>
#include <ATen/ops/tril_meta.h>
#include <ATen/ops/triu_meta.h>

#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/WrapDimUtils.h>
#include <ATen/ops/index_meta.h>

#include "runtime/kernels/kernel.h"
#include "runtime/kernels/runners.h"
#include "runtime/kernels/shape_function.h"

namespace xpu_runtime::kernels {

namespace {

namespace meta = at::meta;
using at::Tensor;

struct IndexSelectShape : ShapeFunction {
  static bool supports(const Tensor& self, std::int64_t dim, const Tensor& index) {
    const auto limit = std::max<std::int64_t>(self.dim(), 1);
    return index.dim() <= 1 && dim >= -limit && dim < limit &&
           (self.dim() > 0 || index.numel() == 1);
  }
  static bool accepts(const Tensor& output, const Tensor& self, std::int64_t /*dim*/,
                      const Tensor& index) {
    return at::has_internal_overlap(output) == at::MemOverlap::No && !output.is_alias_of(self) &&
           !output.is_alias_of(index);
  }
  void meta(const Tensor& self, std::int64_t dim, const Tensor& index) {
    at::DimVector sizes(self.sizes());
    if (!sizes.empty()) {
      sizes[at::maybe_wrap_dim(dim, self.dim())] = index.numel();
    }
    place(0, sizes, self.options());
  }
};

struct IndexFillShape : OverwriteShape {
  static constexpr auto device_check = DeviceCheck::by_shape;
  template <class Value>
  static bool supports(const Tensor& self, std::int64_t dim, const Tensor& index,
                       const Value& value) {
    if constexpr (std::is_same_v<Value, Tensor>) {
      if (value.dim() != 0 || (value.is_xpu() && value.device() != self.device())) {
        return false;
      }
    }
    return is_writable(self) && index.device() == self.device() && index.dim() <= 1 &&
           dim >= -self.dim() && dim < self.dim();
  }
};

// One shift of a contiguous tensor.
struct RollShape : ShapeFunction {
  static bool supports(const Tensor& self, at::IntArrayRef shifts, at::IntArrayRef dims) {
    return self.numel() > 0 && self.is_contiguous() && shifts.size() == 1 && dims.size() == 1 &&
           dims[0] >= -self.dim() && dims[0] < self.dim();
  }
  void meta(const Tensor& self, at::IntArrayRef /*shifts*/, at::IntArrayRef /*dims*/) {
    place(0, self.sizes(), self.options());
  }
};

struct EmbeddingBackwardShape : ShapeFunction {
  static bool supports(const Tensor& grad, const Tensor& indices, std::int64_t /*num_weights*/,
                       std::int64_t /*padding_idx*/, bool /*scale_grad_by_freq*/) {
    return grad.dim() == indices.dim() + 1 &&
           grad.sizes().slice(0, indices.dim()) == indices.sizes();
  }
  void meta(const Tensor& grad, const Tensor& /*indices*/, std::int64_t num_weights,
            std::int64_t /*padding_idx*/, bool /*scale_grad_by_freq*/) {
    place(0, {num_weights, grad.size(-1)}, grad.options());
  }
};

struct FlipShape : ShapeFunction {
  static bool supports(const Tensor& self, at::IntArrayRef dims) {
    at::DimVector wrapped(dims);
    for (auto& dim : wrapped) {
      if (dim < -self.dim() || dim >= self.dim()) {
        return false;
      }
      dim = at::maybe_wrap_dim(dim, self.dim());
    }
    std::sort(wrapped.begin(), wrapped.end());
    return std::adjacent_find(wrapped.begin(), wrapped.end()) == wrapped.end();
  }
  void meta(const Tensor& self, at::IntArrayRef /*dims*/) { place_like(0, self); }
};

using Indices = c10::List<std::optional<Tensor>>;

// Masks have as many indices as they have true elements: not known here.
struct IndexShape : meta::structured_index_Tensor {
  static bool supports(const Tensor& self, const Indices& /*indices*/) { return self.is_xpu(); }
};

// Sizes of self[indices], or nothing if the indices do not fit.
std::optional<at::DimVector> indexed_sizes(const Tensor& self, const Indices& indices) {
  if (indices.size() > static_cast<std::size_t>(self.dim())) {
    return std::nullopt;
  }
  at::DimVector broadcast;
  at::DimVector sizes;
  std::optional<std::size_t> first;
  std::size_t last = 0;
  bool adjacent = true;
  for (std::size_t k = 0; k < static_cast<std::size_t>(self.dim()); ++k) {
    const std::optional<Tensor> index = k < indices.size() ? indices.get(k) : std::nullopt;
    if (!index.has_value() || !index->defined()) {
      sizes.push_back(self.size(k));
      continue;
    }
    if (!first.has_value()) {
      first = k;
      broadcast = index->sizes();
    } else {
      adjacent = adjacent && last + 1 == k;
      if (!at::are_expandable(broadcast, index->sizes())) {
        return std::nullopt;
      }
      broadcast = at::infer_size_dimvector(broadcast, index->sizes());
    }
    last = k;
  }
  const auto place = adjacent ? first.value_or(0) : 0;
  sizes.insert(sizes.begin() + place, broadcast.begin(), broadcast.end());
  return sizes;
}

// Indices and a single value may be on the CPU.
struct IndexPutShape : OverwriteShape {
  static constexpr auto device_check = DeviceCheck::by_shape;

  static bool supports(const Tensor& self, const Indices& indices, const Tensor& values,
                       bool /*accumulate*/, bool /*unsafe*/) {
    if (!is_writable(self) || indices.empty() || !is_near(values, self) ||
        (values.is_cpu() && values.dim() != 0)) {
      return false;
    }
    for (const std::optional<Tensor>& index : indices) {
      if (index.has_value() && index->defined() && !is_near(*index, self)) {
        return false;
      }
    }
    const auto sizes = indexed_sizes(self, indices);
    return sizes.has_value() && at::is_expandable_to(values.sizes(), *sizes);
  }

  // The fallback wants all tensors on one device.
  static Tensor& fall_back(Tensor& self, const Indices& indices, const Tensor& values,
                           bool accumulate, bool unsafe) {
    const auto moved = [&](const Tensor& tensor, bool may_move) {
      return may_move && tensor.defined() && tensor.is_cpu() ? tensor.to(self.device()) : tensor;
    };
    Indices all;
    for (const std::optional<Tensor>& index : indices) {
      all.push_back(index.has_value() ? std::optional(moved(*index, true)) : std::nullopt);
    }
    return Fallback<ops::_index_put_impl_>::call(self, all, moved(values, values.dim() == 0),
                                                 accumulate, unsafe);
  }

 private:
  static bool is_near(const Tensor& tensor, const Tensor& self) {
    return tensor.is_cpu() || tensor.device() == self.device();
  }
};

}  // namespace

void indexing_kernels(torch::Library& library) {
  constexpr Dtypes index = kLong | dtypes(c10::kInt);
  kernel<meta::structured_cat, kAll, ops::cat_out, ops::cat>(library);
  kernel<meta::structured_gather, Gate(kAll, index), ops::gather_out, ops::gather>(library);
  kernel<meta::structured_scatter_src, Gate(kAll, index, kLikeFirst), ops::scatter_src_out,
         ops::scatter_src, ops::scatter__src>(library);
  kernel<meta::structured_scatter_value, Gate(kAll, index), ops::scatter_value_out,
         ops::scatter_value, ops::scatter__value>(library);
  kernel<meta::structured_scatter_add, Gate(kAll, index, kLikeFirst), ops::scatter_add_out,
         ops::scatter_add, ops::scatter_add_>(library);
  kernel<meta::structured_index_add, Gate(kAll, kLong | dtypes(c10::kInt), kLikeFirst),
         ops::index_add_out, ops::index_add, ops::index_add_>(library);
  kernel<meta::structured_index_copy, Gate(kAll, kLong, kLikeFirst), ops::index_copy_out,
         ops::index_copy, ops::index_copy_>(library);
  kernel<meta::structured_scatter_reduce_two, Gate(kReal, index, kLikeFirst),
         ops::scatter_reduce_two_out, ops::scatter_reduce_two, ops::scatter_reduce__two>(library);
  kernel<meta::structured_tril, kAll, ops::tril_out, ops::tril, ops::tril_>(library);
  kernel<meta::structured_triu, kAll, ops::triu_out, ops::triu, ops::triu_>(library);
  kernel<IndexSelectShape, Gate(kAll, index).writing(kLikeFirst), ops::index_select_out,
         ops::index_select>(library);
  kernel<RollShape, kAll, Copied<ops::roll>, ops::roll>(library);
  kernel<IndexFillShape, Gate(kAll, kLong, kLikeFirst), InPlaceOnly, ops::index_fill__int_Scalar,
         ops::index_fill__int_Tensor>(library);
  kernel<IndexShape, Gate(kAll, kLong), ops::index_Tensor_out, ops::index_Tensor>(library);
  kernel<IndexPutShape, Gate(kAll, kLong, kLikeFirst), InPlaceOnly, ops::_index_put_impl_>(library);
  kernel<EmbeddingBackwardShape, Gate(kFloating, index), Copied<ops::embedding_dense_backward>,
         ops::embedding_dense_backward>(library);
  kernel<FlipShape, kAll, Copied<ops::flip>, ops::flip>(library);
}

}  // namespace xpu_runtime::kernels
