"""docs/porting-from-cuda.md: its program in both forms, and the names in its table."""

from __future__ import annotations

import re

import pytest
import torch
from pages import DOCS, blocks

PAGE = DOCS / "porting-from-cuda.md"
TABLE = re.search(r"## Names\n(.*?)\n## ", PAGE.read_text(), re.S)[1]
ROWS = [line.split("|")[1:3] for line in TABLE.splitlines() if line.startswith("| `")]

ONLY_ON_CUDA = {"Event.cuda_event", "Stream.cuda_stream"}  # not in a build for CPU


def names(cell: str) -> list[str]:
    return [name.split(" ")[0] for name in re.findall(r"`([\w.]+)`", cell)]


def find(name: str, device: str) -> object:
    """The object behind a name of the table; events and streams are the device's."""
    module = getattr(torch, device)
    places = {"Event": module.Event, "Stream": module.Stream, "Tensor": torch.Tensor}
    first, *others = name.split(".")
    value = places.get(first) or __import__(first)
    for other in others:
        value = getattr(value, other)
    return value


def test_the_forms_differ_in_names_only() -> None:
    cuda, xpu = list(blocks(PAGE))[:2]
    assert "xpu" not in cuda.text
    ported = cuda.text.replace("cuda", "xpu")
    assert ported.replace("import torch\n", "import torch\nimport xpu_dynamo_event\n") == xpu.text


@pytest.mark.parametrize(("cuda", "here"), ROWS, ids=lambda cell: cell.strip()[:40])
def test_names_exist(cuda: str, here: str) -> None:

    for name in set(names(cuda)) - ONLY_ON_CUDA:
        assert find(name, "cuda") is not None
    for name in names(cuda) if "the same" in here else names(here):
        assert find(name, "xpu") is not None
