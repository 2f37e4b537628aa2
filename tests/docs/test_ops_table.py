"""The table of ops in docs/api-ops.md has the ops that are registered."""

from __future__ import annotations

import re

import pytest
import torch
from pages import DOCS

import xpu_dynamo_event.passes.write_back  # noqa: F401  (defines one of them)

SHOWN = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", (DOCS / "api-ops.md").read_text(), re.M))


@pytest.mark.parametrize("name", SHOWN)
def test_operands(name: str) -> None:
    schema = getattr(torch.ops.xpu_event, name).default._schema
    operands = [
        f"{each.name}={each.default_value!r}" if each.has_default_value() else each.name
        for each in schema.arguments
    ]
    assert ", ".join(operands).replace("'", '"') == SHOWN[name]


def test_none_is_missing() -> None:
    every = {schema.name for schema in torch._C._jit_get_all_schemas()}
    ours = {name.split("::")[1] for name in every if name.startswith("xpu_event::")}
    assert ours == set(SHOWN)
