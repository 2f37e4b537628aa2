"""Networks train on the device as they do on the CPU."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Recurrent(nn.Module):
    """A recurrent layer and a head on its last step."""

    def __init__(self, layer: type[nn.RNNBase], **options: object) -> None:
        super().__init__()
        self.layer = layer(5, 6, num_layers=2, batch_first=True, **options)
        self.head = nn.LazyLinear(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(x)[0][:, -1])


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3))


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Conv1d(1, 4, 3, padding=1),
        nn.BatchNorm1d(4),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )


def transformer() -> nn.Module:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return nn.Sequential(nn.Linear(5, 8), nn.TransformerEncoder(layer, 1), nn.Linear(8, 3))


def train(
    model: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    optimizer: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
    **options: object,
) -> list[float]:
    steps = optimizer(model.parameters(), lr=0.05, **options)
    losses = []
    for _ in range(5):
        steps.zero_grad()
        loss = F.cross_entropy(model(x).flatten(0, -2), y)
        loss.backward()
        steps.step()
        losses.append(loss.item())
    return losses


def check(model: nn.Module, x: torch.Tensor, y: torch.Tensor, **options: object) -> None:
    model(x)  # lazy layers
    twin = copy.deepcopy(model).to("xpu")
    expected = train(model, x, y, **options)
    losses = train(twin, x.to("xpu"), y.to("xpu"), **options)
    assert losses == pytest.approx(expected, rel=1e-4)
    assert expected[-1] < expected[0]
    for (name, a), (_, b) in zip(
        model.state_dict().items(), twin.state_dict().items(), strict=True
    ):
        assert b.is_xpu
        torch.testing.assert_close(b.cpu(), a, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (mlp, (8, 5)),
        (convolutional, (8, 8)),
        (transformer, (8, 4, 5)),
        (lambda: Recurrent(nn.LSTM), (8, 4, 5)),
        (lambda: Recurrent(nn.LSTM, bidirectional=True, bias=False), (8, 4, 5)),
        (lambda: Recurrent(nn.LSTM, proj_size=2), (8, 4, 5)),
        (lambda: Recurrent(nn.GRU), (8, 4, 5)),
        (lambda: Recurrent(nn.GRU, bidirectional=True, bias=False), (8, 4, 5)),
        (lambda: Recurrent(nn.RNN), (8, 4, 5)),
    ],
    ids=["mlp", "conv", "transformer", "lstm", "bilstm", "lstmp", "gru", "bigru", "rnn"],
)
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_a_network_trains_as_on_the_cpu(
    model: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    x = torch.randn(shape)
    rows = shape[0] * shape[1] if model is transformer else shape[0]
    check(model(), x, torch.arange(rows) % 3)


OPTIMIZERS = [
    (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    (torch.optim.SGD, {"foreach": True}),
    (torch.optim.SGD, {"fused": True}),
    (torch.optim.Adam, {}),
    (torch.optim.Adam, {"fused": True}),
    (torch.optim.Adam, {"foreach": False, "amsgrad": True}),
    (torch.optim.AdamW, {"foreach": True}),
    (torch.optim.AdamW, {"fused": True}),
    (torch.optim.RMSprop, {}),
    (torch.optim.Adagrad, {}),
    (torch.optim.Adamax, {}),
    (torch.optim.NAdam, {}),
]


@pytest.mark.parametrize(
    ("optimizer", "options"), OPTIMIZERS, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_optimizers(optimizer: type[torch.optim.Optimizer], options: dict[str, object]) -> None:
    torch.manual_seed(1)
    check(mlp(), torch.randn(8, 5), torch.arange(8) % 3, optimizer=optimizer, **options)


@pytest.mark.parametrize("layer", [nn.LSTMCell, nn.GRUCell])
def test_gradients_of_cells(layer: type[nn.RNNCellBase]) -> None:
    torch.manual_seed(2)
    cell = layer(3, 4).double().to("xpu")

    def function(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        state = cell(x, (h, h)) if layer is nn.LSTMCell else cell(x, h)
        return torch.cat(state) if isinstance(state, tuple) else state

    x = torch.randn(2, 3, dtype=torch.float64, device="xpu", requires_grad=True)
    h = torch.randn(2, 4, dtype=torch.float64, device="xpu", requires_grad=True)
    assert torch.autograd.gradcheck(function, (x, h))
    assert torch.autograd.gradgradcheck(function, (x, h))


def test_gradients_of_attention() -> None:
    shape = (1, 2, 3, 4)
    q, k, v = (
        torch.randn(shape, dtype=torch.float64, device="xpu", requires_grad=True) for _ in range(3)
    )
    mask = torch.tensor([[True, False, True]] * 3, device="xpu")
    assert torch.autograd.gradcheck(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), (q, k, v)
    )


def test_variable_lengths() -> None:
    torch.manual_seed(3)
    x = torch.randn(3, 4, 5)
    lengths = torch.tensor([4, 3, 1])
    layer = nn.LSTM(5, 6, batch_first=True)
    results = []
    for device in ("cpu", "xpu"):
        layer.zero_grad()
        layer.to(device)
        packed = nn.utils.rnn.pack_padded_sequence(x.to(device), lengths, batch_first=True)
        output, _ = nn.utils.rnn.pad_packed_sequence(layer(packed)[0], batch_first=True)
        output.pow(2).sum().backward()
        results.append((output.detach().cpu(), layer.weight_hh_l0.grad.cpu()))
    torch.testing.assert_close(results[0], results[1])


def test_autocast() -> None:
    model = mlp().to("xpu")
    x = torch.randn(4, 5, device="xpu")
    with torch.autocast("xpu", dtype=torch.bfloat16):
        assert torch.is_autocast_enabled("xpu")
        out = model(x)
        assert (x @ x.t()).dtype == torch.bfloat16
        assert F.softmax(x @ x.t(), -1).dtype == torch.float32
        loss = F.cross_entropy(out, torch.arange(4, device="xpu") % 3)
    loss.backward()
    assert all(p.grad.dtype == torch.float32 for p in model.parameters())


def test_gradient_scaling() -> None:
    model = nn.Linear(3, 3).to("xpu")
    scaler = torch.amp.GradScaler("xpu")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.weight.detach().clone()
    for scale in (1.0, float("inf")):
        optimizer.zero_grad()
        scaler.scale(model(torch.ones(1, 3, device="xpu")).sum() * scale).backward()
        scaler.step(optimizer)
        scaler.update()
    assert not torch.equal(before, model.weight)
    assert model.weight.isfinite().all()
    assert scaler.get_scale() == 2.0**15


def test_dropout_repeats_and_scales() -> None:
    x = torch.ones(1000, device="xpu", requires_grad=True)
    torch.manual_seed(4)
    y = F.dropout(x, 0.25)
    torch.manual_seed(4)
    assert torch.equal(y, F.dropout(x, 0.25))
    kept = y != 0
    assert 650 < kept.sum().item() < 850
    torch.testing.assert_close(y[kept].unique(), torch.tensor([4 / 3], device="xpu"))
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert F.dropout(x, 1.0).sum().item() == 0
    assert F.dropout(x, 0.5, training=False) is x


def test_checkpointing_restores_the_generator() -> None:
    layer = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)).to("xpu")
    x = torch.randn(8, 4, device="xpu", requires_grad=True)
    for use_reentrant in (True, False):
        torch.manual_seed(0)
        expected = torch.autograd.grad(layer(x).sum(), x)[0]
        torch.manual_seed(0)
        x.grad = None
        torch.utils.checkpoint.checkpoint(layer, x, use_reentrant=use_reentrant).sum().backward()
        torch.testing.assert_close(x.grad, expected)


def test_backward_runs_on_the_stream_of_the_forward() -> None:
    """And a reader of the gradients finds them ready on its own stream."""
    side = torch.xpu.Stream()
    weight = torch.full((64, 64), 0.5, device="xpu", requires_grad=True)
    side.wait_stream(torch.xpu.current_stream())
    with side:
        loss = (weight @ weight).sum()
    torch.xpu.current_stream().wait_stream(side)
    loss.backward()
    assert weight.grad.unique().tolist() == [64.0]


def test_hooks_and_second_derivatives() -> None:
    x = torch.tensor([2.0], device="xpu", requires_grad=True)
    seen = []
    y = x**3
    y.register_hook(seen.append)
    (first,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert (first.item(), second.item()) == (12.0, 12.0)
    assert seen[0].is_xpu


def test_threads_train_at_the_same_time() -> None:
    import threading

    losses: dict[int, list[float]] = {}

    def work(index: int) -> None:
        torch.manual_seed(9)
        with torch.xpu.Stream():
            x = torch.ones(8, 5, device="xpu") * (torch.arange(8, device="xpu")[:, None] + 1)
            losses[index] = train(models[index], x, torch.arange(8, device="xpu") % 3)
            torch.xpu.current_stream().synchronize()

    torch.manual_seed(9)
    first = mlp().to("xpu")
    models = [copy.deepcopy(first) for _ in range(3)]
    torch.xpu.synchronize()
    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[0] == pytest.approx(losses[2], rel=1e-4)
