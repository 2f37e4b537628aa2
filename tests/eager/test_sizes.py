"""Sizes that overflow, or reach outside a storage: refused as the CPU refuses them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

pytestmark = pytest.mark.own_runtime(reason="its factories")

HUGE = 1 << 62
"""Elements; with four bytes each, more bytes than 64 bits count."""


def one(device: str) -> torch.Tensor:
    return torch.ones(4, device=device)


def expanded(device: str, *sizes: int) -> torch.Tensor:
    return torch.ones(1, device=device).expand(*sizes)


CALLS: dict[str, Callable[[str], object]] = {
    "empty": lambda d: torch.empty(HUGE, device=d),
    "empty of two dimensions": lambda d: torch.empty(HUGE, HUGE, device=d),
    "zeros": lambda d: torch.zeros(HUGE, 4, device=d),
    "full": lambda d: torch.full((HUGE, HUGE), 1.0, device=d),
    "channels last": lambda d: torch.empty(
        HUGE, 2, 2, 2, device=d, memory_format=torch.channels_last
    ),
    "a stride": lambda d: torch.empty_strided((2,), (HUGE,), device=d),
    "a size and a stride": lambda d: torch.empty_strided((HUGE,), (4,), device=d),
    "resize_": lambda d: one(d).resize_(HUGE),
    "resize_ of two dimensions": lambda d: one(d).resize_(HUGE, HUGE),
    "set_, size": lambda d: one(d).set_(one(d).untyped_storage(), 0, (HUGE,), (1,)),
    "set_, offset": lambda d: one(d).set_(one(d).untyped_storage(), HUGE, (4,), (1,)),
    "set_, stride": lambda d: one(d).set_(one(d).untyped_storage(), 0, (4,), (HUGE,)),
    "as_strided, size": lambda d: one(d).as_strided((100,), (1,)),
    "as_strided, stride": lambda d: one(d).as_strided((2,), (HUGE,)),
    "as_strided, offset": lambda d: one(d).as_strided((2,), (1,), HUGE),
    "as_strided, just outside": lambda d: one(d).as_strided((4,), (1,), 1),
    "empty_like": lambda d: torch.empty_like(expanded(d, HUGE)),
    "clone": lambda d: expanded(d, HUGE, 4).clone(),
    "new_empty": lambda d: one(d).new_empty(HUGE),
    "arange": lambda d: torch.arange(0, 1e19, device=d),
    "eye": lambda d: torch.eye(HUGE, device=d),
    "rand": lambda d: torch.rand(HUGE, device=d),
    "linspace": lambda d: torch.linspace(0, 1, HUGE, device=d),
    "pad": lambda d: torch.nn.functional.pad(one(d), (0, HUGE)),
    "outer product": lambda d: expanded(d, 1 << 40)[:, None] * expanded(d, 1 << 40),
    "negative": lambda d: torch.empty(-1, device=d),
}


@pytest.mark.parametrize("name", CALLS)
def test_refused_with_the_words_of_the_cpu(name: str) -> None:
    with pytest.raises(RuntimeError) as expected:
        CALLS[name]("cpu")
    with pytest.raises(RuntimeError) as actual:
        CALLS[name]("xpu")
    assert str(actual.value).startswith(str(expected.value).splitlines()[0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.UntypedStorage(HUGE, device="xpu"),
        lambda: torch.empty((1 << 63) - 1, dtype=torch.uint8, device="xpu"),
        lambda: one("xpu").untyped_storage().resize_(HUGE),
    ],
)
def test_more_than_there_is(make: Callable[[], object]) -> None:
    with pytest.raises(torch.OutOfMemoryError):
        make()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.resize_(HUGE),
        lambda t: t.resize_(1 << 50),
        lambda t: t.resize_(1 << 48, 1, 1, 1, memory_format=torch.channels_last),
        lambda t: t.set_(t.untyped_storage(), 0, (1 << 50,), (1,)),
        lambda t: t.set_(torch.ones(1, device="xpu").untyped_storage(), 0, (1 << 50,), (1,)),
    ],
)
def test_a_tensor_that_got_no_memory_shows_what_it_showed(
    change: Callable[[torch.Tensor], object],
) -> None:
    """With the new sizes a kernel would write behind the end of the old memory."""
    tensor = one("xpu")
    with pytest.raises(RuntimeError):
        change(tensor)
    assert tensor.shape == (4,)
    assert tensor.stride() == (1,)
    assert torch.equal(tensor.cpu(), torch.ones(4))
