// The cells of LSTM and GRU. torch takes the fused operators for every GPU, and they have no CPU
// kernel to fall back on, so here they are in terms of other operators.
#include <ATen/TensorOperators.h>
#include <ATen/core/IListRef.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/sigmoid_backward.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/zeros_like.h>
#include <torch/library.h>

#include <tuple>

namespace xpu_runtime {
namespace {

using at::Tensor;
using OptionalTensor = std::optional<Tensor>;

bool is_given(const OptionalTensor& tensor) { return tensor && tensor->defined(); }

Tensor with_bias(const Tensor& gates, const OptionalTensor& bias) {
  return is_given(bias) ? gates + *bias : gates;
}

Tensor bias_grad(const Tensor& grad_gates, bool has_bias) {
  return has_bias ? grad_gates.sum(0) : Tensor();
}

// Results: hidden state, cell state, and the activated gates for the backward.
std::tuple<Tensor, Tensor, Tensor> lstm_cell(const Tensor& input_gates, const Tensor& hidden_gates,
                                             const Tensor& cx, const OptionalTensor& input_bias,
                                             const OptionalTensor& hidden_bias) {
  const auto gates = with_bias(input_gates, input_bias) + with_bias(hidden_gates, hidden_bias);
  const auto parts = gates.unsafe_chunk(4, 1);
  const auto in = parts[0].sigmoid();
  const auto forget = parts[1].sigmoid();
  const auto cell = parts[2].tanh();
  const auto out = parts[3].sigmoid();
  auto cy = forget * cx + in * cell;
  auto hy = out * cy.tanh();
  return {std::move(hy), std::move(cy), at::cat({in, forget, cell, out}, 1)};
}

std::tuple<Tensor, Tensor, Tensor> lstm_cell_backward(const OptionalTensor& grad_hy,
                                                      const OptionalTensor& grad_cy,
                                                      const Tensor& cx, const Tensor& cy,
                                                      const Tensor& workspace, bool has_bias) {
  if (!is_given(grad_hy) && !is_given(grad_cy)) return {};
  const auto parts = workspace.unsafe_chunk(4, 1);
  const auto &in = parts[0], &forget = parts[1], &cell = parts[2], &out = parts[3];
  const auto tanh_cy = cy.tanh();
  const auto grad_h = is_given(grad_hy) ? *grad_hy : at::zeros_like(cx);
  auto grad_c = at::tanh_backward(grad_h * out, tanh_cy);
  if (is_given(grad_cy)) grad_c = grad_c + *grad_cy;
  auto grad_gates =
      at::cat({at::sigmoid_backward(grad_c * cell, in), at::sigmoid_backward(grad_c * cx, forget),
               at::tanh_backward(grad_c * in, cell), at::sigmoid_backward(grad_h * tanh_cy, out)},
              1);
  auto grad_bias = bias_grad(grad_gates, has_bias);
  return {std::move(grad_gates), grad_c * forget, std::move(grad_bias)};
}

// Results: hidden state, and what the backward needs: reset, update, new, hx, hidden part of new.
std::tuple<Tensor, Tensor> gru_cell(const Tensor& input_gates, const Tensor& hidden_gates,
                                    const Tensor& hx, const OptionalTensor& input_bias,
                                    const OptionalTensor& hidden_bias) {
  const auto from_input = with_bias(input_gates, input_bias).unsafe_chunk(3, 1);
  const auto from_hidden = with_bias(hidden_gates, hidden_bias).unsafe_chunk(3, 1);
  const auto reset = (from_input[0] + from_hidden[0]).sigmoid();
  const auto update = (from_input[1] + from_hidden[1]).sigmoid();
  const auto fresh = (from_input[2] + reset * from_hidden[2]).tanh();
  auto hy = fresh + update * (hx - fresh);
  return {std::move(hy), at::cat({reset, update, fresh, hx, from_hidden[2]}, 1)};
}

std::tuple<Tensor, Tensor, Tensor, Tensor, Tensor> gru_cell_backward(const Tensor& grad_hy,
                                                                     const Tensor& workspace,
                                                                     bool has_bias) {
  const auto parts = workspace.unsafe_chunk(5, 1);
  const auto &reset = parts[0], &update = parts[1], &fresh = parts[2], &hx = parts[3],
             &hidden = parts[4];
  const auto grad_update = at::sigmoid_backward(grad_hy * (hx - fresh), update);
  const auto grad_fresh = at::tanh_backward(grad_hy * (1 - update), fresh);
  const auto grad_reset = at::sigmoid_backward(grad_fresh * hidden, reset);
  auto grad_input = at::cat({grad_reset, grad_update, grad_fresh}, 1);
  auto grad_hidden = at::cat({grad_reset, grad_update, grad_fresh * reset}, 1);
  auto grad_input_bias = bias_grad(grad_input, has_bias);
  auto grad_hidden_bias = bias_grad(grad_hidden, has_bias);
  return {std::move(grad_input), std::move(grad_hidden), grad_hy * update,
          std::move(grad_input_bias), std::move(grad_hidden_bias)};
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("_thnn_fused_lstm_cell", lstm_cell);
  m.impl("_thnn_fused_lstm_cell_backward_impl", lstm_cell_backward);
  m.impl("_thnn_fused_gru_cell", gru_cell);
  m.impl("_thnn_fused_gru_cell_backward", gru_cell_backward);
}

}  // namespace xpu_runtime
