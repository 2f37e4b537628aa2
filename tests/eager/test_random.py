"""Random operators: issued without waiting, the same numbers for a seed, errors at the call."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from xpu_dynamo_event.testing import hold

pytestmark = pytest.mark.own_runtime(reason="its generator")

Tensor = torch.Tensor
Draw = Callable[[Tensor], Tensor]

DRAWS: dict[str, Draw] = {
    "uniform_": lambda x: x.uniform_(2, 3),
    "normal_": lambda x: x.normal_(1, 2),
    "bernoulli_": lambda x: x.bernoulli_(0.25),
    "exponential_": lambda x: x.exponential_(2.0),
    "random_": lambda x: x.random_(3, 1000),
    "cauchy_": lambda x: x.cauchy_(0, 2),
    "log_normal_": lambda x: x.log_normal_(1, 2),
    "geometric_": lambda x: x.geometric_(0.5),
    "multinomial": lambda x: torch.multinomial(torch.ones_like(x), 2),
    "bernoulli": lambda x: torch.bernoulli(torch.ones_like(x) / 2),
    "dropout": lambda x: torch.nn.functional.dropout(torch.ones_like(x)),
}

REFUSED: dict[str, tuple[Draw, Draw]] = {
    "uniform_": (DRAWS["uniform_"], lambda x: x.uniform_(3, 2)),
    "normal_": (DRAWS["normal_"], lambda x: x.normal_(1, -2)),
    "bernoulli_": (DRAWS["bernoulli_"], lambda x: x.bernoulli_(1.25)),
    "exponential_": (DRAWS["exponential_"], lambda x: x.exponential_(0.0)),
    "random_": (DRAWS["random_"], lambda x: x.random_(1000, 3)),
    "cauchy_": (DRAWS["cauchy_"], lambda x: x.cauchy_(0, -2)),
    "geometric_": (DRAWS["geometric_"], lambda x: x.geometric_(1.5)),
}


@pytest.mark.parametrize("size", [8, 100_000])
@pytest.mark.parametrize("name", DRAWS)
def test_numbers_depend_on_the_seed_and_the_order_of_calls_alone(name: str, size: int) -> None:
    """Also behind a held stream, where the call returns before anything is drawn."""
    x, event = torch.empty(size, device="xpu"), torch.xpu.Event()
    DRAWS[name](x)  # finds out how
    torch.xpu.manual_seed(7)
    expected = DRAWS[name](x).cpu()
    torch.xpu.manual_seed(7)
    with hold():
        drawn = DRAWS[name](x)
        event.record()
        assert not event.query()
        torch.xpu.manual_seed(8)  # comes after the call
    assert torch.equal(drawn.cpu(), expected)
    if size > 8:  # eight draws may be alike by chance
        assert not torch.equal(DRAWS[name](x).cpu(), expected)


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_bound_is_refused_at_the_call(name: str) -> None:
    """Though a call with right ones, alike in all else, was planned before."""
    right, wrong = REFUSED[name]
    x = torch.empty(8, device="xpu")
    right(x)
    with pytest.raises(RuntimeError) as actual:
        wrong(x)
    with pytest.raises(RuntimeError) as expected:
        wrong(torch.empty(8))
    assert str(actual.value).splitlines()[0] == str(expected.value).splitlines()[0]
