"""What programs compute: source, operands, and the same on tensors.

Shapes are "whole" (8 by 8) and "half" (4 by 8); "any" is the shape of the first operand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

SIZES = {"whole": (8, 8), "half": (4, 8)}


@dataclass(frozen=True)
class Op:
    """One operation.

    Attributes:
        run: Computes it.
        shapes: Shapes of its operands.
        result: Shape of the result.
        saves: Whether its backward needs an operand as it is now.
    """

    run: Callable[..., torch.Tensor]
    shapes: tuple[str, ...] = ("any",)
    result: str = "any"
    saves: bool = False

    def fits(self, shapes: tuple[str, ...]) -> bool:
        """Whether operands of these shapes can be given."""
        wanted = tuple(shapes[0] if each == "any" else each for each in self.shapes)
        return wanted == shapes

    def shape(self, shapes: tuple[str, ...]) -> str:
        """Return the shape of the result."""
        return shapes[0] if self.result == "any" else self.result


_TWO, _WHOLE = ("any", "any"), ("whole",)

COMPUTE: dict[str, Op] = {
    "{0} * 0.5 + 1": Op(lambda a: a * 0.5 + 1),
    "{0}.sin()": Op(lambda a: a.sin(), saves=True),
    "({0} @ {1}) / 8": Op(lambda a, b: (a @ b) / 8, ("whole", "whole"), "whole", saves=True),
    "{0} + {1}": Op(lambda a, b: a + b, _TWO),
    "{0} - {1}.cos()": Op(lambda a, b: a - b.cos(), _TWO, saves=True),
    "torch.full((8, 8), 0.25, device={0}.device)": Op(
        lambda a: torch.full((8, 8), 0.25), result="whole"
    ),
    "{0} * torch.tensor([0.5, 1.0] * 4).to({0}.device, non_blocking=True)": Op(
        lambda a: a * torch.tensor([0.5, 1.0] * 4)
    ),
    "{0}.sum(0, keepdim=True).expand(8, 8) / 8": Op(
        lambda a: a.sum(0, keepdim=True).expand(8, 8) / 8, result="whole"
    ),
    "{0} - {0}.mean()": Op(lambda a: a - a.mean()),
    "{0}.t() * 1": Op(lambda a: a.t() * 1, _WHOLE, "whole"),
    "torch.where({0} > 0, {0}, {1} * 0.1)": Op(lambda a, b: torch.where(a > 0, a, b * 0.1), _TWO),
    "torch.cat([{0}, {1}])": Op(lambda a, b: torch.cat([a, b]), ("half", "half"), "whole"),
    "{0}[[7, 6, 5, 4, 3, 2, 1, 0]]": Op(lambda a: a.flip(0), _WHOLE, "whole"),
    "{0} * torch.tensor([0.5, 1.0] * 4, device={0}.device)": Op(
        lambda a: a * torch.tensor([0.5, 1.0] * 4)
    ),
    "{0}.clone()": Op(lambda a: a.clone()),
}
"""By source: what makes a new value."""

WRITES: dict[str, Op] = {
    "{0}.mul_(0.5)": Op(lambda a: a.mul_(0.5)),
    "{0}.add_({1})": Op(lambda a, b: a.add_(b), _TWO),
    "{0}[:4].sub_(1)": Op(lambda a: a[:4].sub_(1), _WHOLE),
    "{0}.copy_({1})": Op(lambda a, b: a.copy_(b), _TWO),
    "{0}[1].copy_({1}[2])": Op(lambda a, b: a[1].copy_(b[2]), _TWO),
    "{0}.zero_()": Op(lambda a: a.zero_()),
}
"""By source: what writes to its first operand."""

VIEWS: dict[str, Op] = {
    "{0}[:4]": Op(lambda a: a[:4], _WHOLE, "half"),
    "{0}[4:]": Op(lambda a: a[4:], _WHOLE, "half"),
    "{0}[:, ::2].t()": Op(lambda a: a[:, ::2].t(), _WHOLE, "half"),
    "{0}.t()": Op(lambda a: a.t(), _WHOLE, "whole"),
    "{0}.unsqueeze(0).squeeze(0)": Op(lambda a: a.unsqueeze(0).squeeze(0)),
}
"""By source: another look at the memory of its operand."""
