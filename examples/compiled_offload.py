# SPDX-FileCopyrightText: 2026 the xpu-dynamo-event contributors
# SPDX-License-Identifier: BSD-3-Clause
"""torch's own offloading of activations in compiled models, unchanged: events in its custom ops.

With `torch._functorch.config.enable_activation_offloading`, AOTAutograd sends marked activations to
the host (`ao::offload`) and fetches them in the backward (`ao::reload`), on a separate stream; a
`torch.Event` per copy orders that. A pass over the joint graph marks what to offload.

In torch 2.13 the ops that wait give the memory of the activation back without telling Inductor,
which reads it afterwards. So with Inductor this uses torch's form without that stream.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import torch
from checks import NO_DEVICE, Checks, has_device
from torch import Tensor, nn
from torch._functorch import config  # there is no public name for these options
from torch.fx import GraphModule

import xpu_dynamo_event
from xpu_dynamo_event import timeline


def mark_products(joint: GraphModule, inputs: Any) -> GraphModule:
    """Mark the results of matrix products for offloading; AOTAutograd takes those it saves."""
    for node in joint.graph.nodes:
        if node.target is torch.ops.aten.addmm.default:
            node.meta["should_offload"] = True
    return joint


def gradients(loss: Tensor, model: nn.Module) -> Tensor:
    """Return the gradients of all weights, in one tensor."""
    of_weights = torch.autograd.grad(loss, list(model.parameters()))
    return torch.cat([each.flatten() for each in of_weights])


TO_HOST, TO_DEVICE = "copy_ device to pinned host", "copy_ pinned host to device"


def _copies(seen: timeline.Timeline, way: str) -> int:
    return sum(task.name == way for task in seen.tasks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example.

    Args:
        arguments: The command line; that of the process if None.

    Returns:
        0 when all results are right, 1 when not, 2 when there is no device.
    """
    parser = argparse.ArgumentParser(description="Let torch offload activations.")
    parser.add_argument("--layers", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--width", type=int, default=64, help="of a layer (default: %(default)s)")
    parser.add_argument(
        "--backend",
        default="aot_eager",
        choices=("aot_eager", "inductor"),
        help="default: %(default)s",
    )
    options = parser.parse_args(arguments)
    if not has_device():
        return NO_DEVICE
    torch.manual_seed(0)
    width, own_stream = options.width, options.backend != "inductor"
    layers = [
        layer for _ in range(options.layers) for layer in (nn.Linear(width, width), nn.GELU())
    ]
    model, batch = nn.Sequential(*layers).to("xpu"), torch.randn(32, width).to("xpu")
    expected = gradients(model(batch).square().mean(), model)

    checks = Checks()
    compiled = torch.compile(model, fullgraph=True, backend=options.backend)
    with config.patch(
        enable_activation_offloading=True,
        activation_offload_separate_stream=own_stream,
        joint_custom_pass=mark_products,
    ):
        for call in ("first call", "second call"):
            sanitize = xpu_dynamo_event.sanitize(on_finding="collect")
            with sanitize as report, timeline() as seen:
                result = gradients(compiled(batch).square().mean(), model)
            checks.equal(f"{call}: gradients as without", result, expected)
            checks.holds(f"{call}: no race between streams", not report.findings)
            there, back = (_copies(seen, way) for way in (TO_HOST, TO_DEVICE))
            checks.holds(
                f"{call}: {there} activations go to the host, {back} come back",
                there == back == options.layers,
            )
    return checks.exit_status


if __name__ == "__main__":
    sys.exit(main())
