"""torch's GPU trace hears of each synchronisation once, whoever asks for it and however."""

from __future__ import annotations

import ast

import pytest
from own_process import run_program

WAYS = {
    "torch.xpu.synchronize()": "device",
    "torch.xpu.synchronize(0)": "device",
    "torch.xpu.synchronize('xpu:0')": "device",
    "torch.xpu.synchronize(torch.device('xpu'))": "device",
    "torch.accelerator.synchronize()": "device",
    "torch.accelerator.synchronize(0)": "device",
    "torch.ops.xpu_event.synchronize_device(-1)": "device",
    "stream.synchronize()": "stream",
    "torch.xpu.current_stream().synchronize()": "stream",
    "torch.accelerator.current_stream().synchronize()": "stream",
    "torch.Stream('xpu').synchronize()": "stream",
    "torch.ops.xpu_event.synchronize_stream(stream)": "stream",
    "event.synchronize()": "event",
    "plain.synchronize()": "event",
    "torch.ops.xpu_event.synchronize(event)": "event",
}
# Dynamo makes these part of a graph.
COMPILED = (
    "torch.xpu.synchronize()",
    "torch.accelerator.synchronize()",
    "torch.xpu.synchronize(0)",
    "stream.synchronize()",
    "event.synchronize()",
)

# A tracer stays for the life of a process.
LISTEN = f"""
import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, when Inductor is imported
import torch, torch.xpu._gpu_trace as gpu_trace
import xpu_dynamo_event

torch._C._activate_gpu_trace()
heard = []
for kind in ("device", "stream", "event"):
    register = getattr(gpu_trace, f"register_callback_for_{{kind}}_synchronization")
    register(lambda *ids, kind=kind: heard.append(kind))

stream, event, plain = torch.xpu.Stream(), torch.xpu.Event(), torch.Event("xpu")
event.record(stream)
plain.record(stream)
names = {{"torch": torch, "stream": stream, "event": event, "plain": plain}}
ways = {list(WAYS)!r}

def heard_of(run):
    torch.xpu.current_stream().query()
    heard.clear()
    run()
    return list(heard)
"""
GUARDS = {
    "own guard": {},
    "upstream's guard": {"XPU_DYNAMO_EVENT_UPSTREAM_GUARD": "1"},
    "as upstream": {"XPU_DYNAMO_EVENT_AS_UPSTREAM": "1"},
}


@pytest.mark.parametrize("guard", GUARDS)
def test_each_way_to_synchronize_is_heard_once(guard: str) -> None:
    said = run_program(
        LISTEN + "print({way: heard_of(lambda: eval(way, names)) for way in ways})",
        **GUARDS[guard],
    )
    assert ast.literal_eval(said) == {way: [kind] for way, kind in WAYS.items()}


@pytest.mark.parametrize("backend", ["eager", "aot_eager", "inductor"])
def test_compiled_code_is_heard_as_eager_code(backend: str) -> None:
    said = run_program(
        LISTEN
        + f"""
def compiled(way):
    scope = dict(names)
    exec(f"def step(x):\\n    y = x + 1\\n    {{way}}\\n    return y * 2", scope)
    return torch.compile(scope["step"], backend={backend!r}, fullgraph=True)

x = torch.ones(4, device="xpu")
result = {{}}
for way in {COMPILED!r}:
    step = compiled(way)
    step(x)
    result[way] = heard_of(lambda: step(x))
print(result)
"""
    )
    assert ast.literal_eval(said) == {way: [WAYS[way]] for way in COMPILED}
