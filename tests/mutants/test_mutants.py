"""The table of planted faults follows the code; `python -m scripts.mutants` plants them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts.mutants import PACKAGE, ROOT, Mutant, mutants

pytestmark = pytest.mark.no_device
MUTANTS = mutants()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "_"))
def test_a_fault_can_be_planted(mutant: Mutant) -> None:
    source = (ROOT / PACKAGE / mutant.file).read_text()
    wrong = mutant.planted(source)
    assert ast.dump(ast.parse(wrong)) != ast.dump(ast.parse(source)), "it changes nothing"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "_"))
def test_its_test_is_there(mutant: Mutant) -> None:
    file, _, test = mutant.test.partition("::")
    name = test.partition("[")[0]
    assert name in {"", *_functions(ROOT / file)}


def test_names_are_different() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_fault_that_lost_its_code_is_an_error() -> None:
    mutant = Mutant("a fault", "ops.py", "gone", "", "tests/eager/test_ops.py")
    for source in ("", "gone gone"):
        with pytest.raises(ValueError, match="stands [02] times in ops.py, not once"):
            mutant.planted(source)


def _functions(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
