// scaled_dot_product_attention. The composite operator asks a dispatch stub which backend the
// device has, and in a torch without XPU that stub fails an assertion for "xpu" instead of saying
// none.
#include <ATen/ops/_scaled_dot_product_attention_math.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <limits>

namespace xpu_runtime {
namespace {

using at::Tensor;

// True means "attend", as the composite operator converts it.
std::optional<Tensor> additive_mask(const std::optional<Tensor>& mask, at::ScalarType dtype) {
  if (!mask || !mask->defined() || mask->scalar_type() != at::kBool) return mask;
  return at::zeros_like(*mask, mask->options().dtype(dtype))
      .masked_fill_(mask->logical_not(), -std::numeric_limits<double>::infinity());
}

void check_inputs(const Tensor& query, const Tensor& key, const Tensor& value,
                  const std::optional<Tensor>& mask, bool is_causal) {
  TORCH_CHECK(
      query.scalar_type() == key.scalar_type() && key.scalar_type() == value.scalar_type(),
      "Expected query, key, and value to have the same dtype, but got query.dtype: ", query.dtype(),
      " key.dtype: ", key.dtype(), " and value.dtype: ", value.dtype(), " instead.");
  TORCH_CHECK(query.device() == key.device() && key.device() == value.device(),
              "Expected query, key, and value to have the same device type, but got query.device: ",
              query.device(), " key.device: ", key.device(), " and value.device: ", value.device(),
              " instead.");
  TORCH_CHECK(
      query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2,
      "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ",
      query.dim(), " key.dim: ", key.dim(), " and value.dim: ", value.dim(), " instead.");
  TORCH_CHECK(!mask || !mask->defined() || !is_causal,
              "Explicit attn_mask should not be set when is_causal=True");
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const std::optional<Tensor>& mask, double dropout,
                                    bool is_causal, std::optional<double> scale, bool enable_gqa) {
  check_inputs(query, key, value, mask, is_causal);
  return std::get<0>(at::_scaled_dot_product_attention_math(
      query, key, value, additive_mask(mask, query.scalar_type()), dropout, is_causal,
      /*dropout_mask=*/std::nullopt, scale, enable_gqa));
}

std::int64_t fused_sdp_choice(const Tensor&, const Tensor&, const Tensor&,
                              const std::optional<Tensor>&, double, bool, std::optional<double>,
                              bool) {
  constexpr std::int64_t math = 0;  // sdp::SDPBackend::math
  return math;
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("scaled_dot_product_attention", scaled_dot_product_attention);
  m.impl("_fused_sdp_choice", fused_sdp_choice);
}

// A kernel for XPU takes away the composite one from autograd too.
TORCH_LIBRARY_IMPL(aten, AutogradXPU, m) {
  m.impl("scaled_dot_product_attention", scaled_dot_product_attention);
}

}  // namespace xpu_runtime
