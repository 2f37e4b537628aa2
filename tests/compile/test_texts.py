"""Text and hash of events and streams: what the program defines, of the object of the call."""

from __future__ import annotations

from typing import Any

import pytest
import torch


def class_with(base: Any, text: str) -> Any:
    class Own(base):  # type: ignore[misc]
        count = 0

        def __repr__(self) -> str:
            return f"{text}{self.count}" if text == "n" else text

        def __hash__(self) -> int:
            return 100 + self.count

    return Own


TEXTS = ["n", "", "a\0", "\0\0", "x" * 3000, "\u00e4\u20ac", "a\udc80"]
BASES = [torch.xpu.Event, torch.xpu.Stream]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
@pytest.mark.parametrize("base", BASES)
def test_own_text_and_hash(base: Any, text: str) -> None:
    def use(x: torch.Tensor, owner: Any) -> Any:
        owner.count += 1  # seen by what follows
        return x + 1, str(owner), repr(owner), f"<{owner}|{owner!r}>", hash(owner)

    cls = class_with(base, text)
    _, *want = use(torch.ones(2), cls())
    _, *got = torch.compile(use, backend="eager", fullgraph=True)(torch.ones(2), cls())
    assert got == want


@pytest.mark.parametrize(
    "read", [str, repr, hash, "{}".format], ids=["str", "repr", "hash", "format"]
)
@pytest.mark.parametrize("base", [torch.xpu.Event, torch.xpu.Stream, torch.Stream])
def test_each_call_reads_its_own_object(base: Any, read: Any) -> None:
    def use(x: torch.Tensor, owner: Any) -> Any:
        return x + 1, read(owner)

    run = torch.compile(use, backend="eager")
    for owner in (base("xpu") if base is torch.Stream else base() for _ in range(3)):
        assert run(torch.ones(2), owner)[1] == read(owner)


@pytest.mark.parametrize("base", BASES)
def test_format(base: Any) -> None:
    class Own(base):  # type: ignore[misc]
        def __format__(self, spec: str) -> str:
            return f"own {spec}"

    def use(x: torch.Tensor, plain: Any, own: Any) -> Any:
        text = f"<{own:>4}|{own}|{plain!r:>7}>"
        return x + 1, format(plain), format(own), format(own, ">3"), text

    plain, own = class_with(base, "plain")(), Own()
    _, *got = torch.compile(use, backend="eager", fullgraph=True)(torch.ones(2), plain, own)
    assert got == ["plain", "own ", "own >3", "<own >4|own |  plain>"]

    for wrong in (lambda x, e: (x + 1, format(e, ">3")), lambda x, e: (x + 1, f"{e:>3}")):
        with pytest.raises(TypeError, match="unsupported format string"):
            torch.compile(wrong, backend="eager")(torch.ones(2), plain)
