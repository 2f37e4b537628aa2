"""Compiled functions: kernels of the program between event ops, and kernels that Inductor makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from needs_triton import skip_without_triton
from own_process import run_program, run_python

skip_without_triton()

import triton  # noqa: E402
import triton.language as tl  # noqa: E402
from kernels import added, doubled  # noqa: E402

import xpu_dynamo_event  # noqa: E402
from xpu_dynamo_event import GraphLog  # noqa: E402
from xpu_dynamo_event.sanitizer import sanitize  # noqa: E402
from xpu_dynamo_event.testing import Latch  # noqa: E402

MakeLatch = Callable[..., Latch]
Compile = Callable[..., Any]
N = 1000
WAYS = ("eager", "aot_eager", "inductor-cpp", "inductor-triton")


@pytest.fixture
def generator(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let Inductor generate what the parameter says, for a test."""
    before = xpu_dynamo_event.inductor_backend(request.param)
    yield request.param
    xpu_dynamo_event.inductor_backend(before)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Compile]:
    """Compile without graph breaks, in each way."""
    backend, _, kernels = request.param.partition("-")
    before = xpu_dynamo_event.inductor_backend(kernels or "cpp")
    config: Any = torch._inductor.config
    with config.patch({"cpp.simdlen": 1}):
        yield lambda fn: torch.compile(fn, backend=GraphLog(backend), fullgraph=True)
    xpu_dynamo_event.inductor_backend(before)


def ones() -> torch.Tensor:
    return torch.ones(N, device="xpu")


# ---- kernels of the program


def two_streams(x: Any, y: Any, ready: Any, side: Any) -> Any:
    ready.wait()
    first = added(x * 2, y)
    computed = torch.xpu.Event()
    computed.record()
    with torch.xpu.stream(side):
        computed.wait()
        second = added(first, y) + 1
        done = torch.xpu.Event()
        done.record()
    done.wait()
    return second


def test_a_kernel_between_event_ops(way: Compile, latch: MakeLatch) -> None:
    x, y, side, late = torch.zeros(N, device="xpu"), ones(), torch.xpu.Stream(), torch.xpu.Stream()
    ready = torch.xpu.Event()
    ready.record()
    compiled = way(two_streams)
    compiled(x, y, ready, side)  # kernels are made, and the best of several is found
    torch.xpu.synchronize()
    held = latch(late)
    with torch.xpu.stream(late):
        x.fill_(3)
        ready.record()
    out = compiled(x, y, ready, side)
    assert not torch.xpu.current_stream().query()
    held.release()
    assert out.tolist() == [9.0] * N


def test_no_two_accesses_are_unordered(way: Compile) -> None:
    x, y, side, ready = ones(), ones(), torch.xpu.Stream(), torch.xpu.Event()
    ready.record()
    compiled = way(two_streams)
    compiled(x, y, ready, side)
    torch.xpu.synchronize()
    with sanitize(on_finding="collect") as report:
        compiled(x, y, ready, side)
        torch.xpu.synchronize()
    assert report.findings == []
    assert report.operations > 0


def mutated(x: Any, event: Any) -> Any:
    doubled(x)
    event.record()
    return x + 1


def test_a_kernel_that_mutates_an_input(way: Compile, latch: MakeLatch) -> None:
    """Who waits for the event sees the value of its place."""
    x, event, side = ones(), torch.xpu.Event(), torch.xpu.Stream()
    compiled = way(mutated)
    compiled(x.clone(), event)
    torch.xpu.synchronize()
    held = latch()
    out = compiled(x, event)
    with torch.xpu.stream(side):
        event.wait()
        seen = x * 10
    held.release()
    torch.xpu.synchronize()
    assert (out.tolist(), seen.tolist()) == ([3.0] * N, [20.0] * N)


@triton.autotune(configs=[triton.Config({"B": 128}), triton.Config({"B": 512})], key=["n"])
@triton.jit
def tuned_add(x, y, out, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(out + i, tl.load(x + i, mask=i < n) + tl.load(y + i, mask=i < n), mask=i < n)


def tuned(x: Any, y: Any, event: Any) -> Any:
    out = torch.empty_like(x)
    event.wait()
    tuned_add[lambda meta: (triton.cdiv(N, meta["B"]),)](x, y, out, N)
    event.record()
    return out * 2


def test_a_kernel_with_autotuning(way: Compile, latch: MakeLatch) -> None:
    x, event = ones(), torch.xpu.Event()
    compiled = way(tuned)
    compiled(x, x, event)
    torch.xpu.synchronize()
    held = latch()
    out = compiled(x, x, event)
    assert not event.query()
    held.release()
    assert out.tolist() == [4.0] * N


def test_memory_of_a_kernel_on_another_stream_is_kept(way: Compile, latch: MakeLatch) -> None:
    """A graph frees a value after its last use, which may be on a stream that is held back."""
    side = torch.xpu.Stream()

    def program(x: Any, side: Any) -> Any:
        y = x * 5
        side.wait_stream(torch.xpu.current_stream())
        with torch.xpu.stream(side):
            out = added(y, y)
        y = None
        return out, x * 7

    compiled = way(program)
    compiled(ones(), side)
    torch.xpu.synchronize()
    held = latch(side)
    out, _ = compiled(ones(), side)
    others = [torch.full((N,), 9.0, device="xpu") for _ in range(8)]
    held.release()
    torch.xpu.synchronize()
    assert out.tolist() == [10.0] * N
    assert len(others) == 8


# ---- kernels that Inductor makes


def softmax(x: Any, event: Any) -> Any:
    y = (x.sin() + 1).softmax(-1)
    event.record()
    return y.sum(0), y.cumsum(1), y.amax(1).half()


def dropped(x: Any, event: Any) -> Any:
    event.wait()
    return torch.nn.functional.dropout(x, 0.5, training=True).ne(0).float().mean() - 0.5


def attention(x: Any, event: Any) -> Any:
    q = x.view(1, 2, 16, 16)
    event.record()
    return torch.nn.functional.scaled_dot_product_attention(q, q, q)


def scattered(x: Any, event: Any) -> Any:
    index = torch.arange(512, device=x.device) % 16
    out = torch.zeros(16, device=x.device).index_add_(0, index, x.view(-1))
    event.wait()
    return out.sort().values


@pytest.mark.parametrize("generator", ["triton"], indirect=True)
@pytest.mark.parametrize("program", [softmax, attention, scattered], ids=lambda p: p.__name__)
def test_inductors_kernels(program: Callable[..., Any], generator: str) -> None:
    x, event = torch.randn(8, 64, device="xpu"), torch.xpu.Event()
    out = torch.compile(program, fullgraph=True)(x, event)
    torch.testing.assert_close(out, program(x, event), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("generator", ["triton"], indirect=True)
def test_random_numbers(generator: str) -> None:
    x = torch.ones(100_000, device="xpu")
    assert abs(torch.compile(dropped)(x, torch.xpu.Event()).item()) < 0.02


@pytest.mark.parametrize("generator", ["triton"], indirect=True)
def test_training(generator: str) -> None:
    def step(model: Any, x: Any, event: Any) -> Any:
        event.wait()
        loss = model(x).square().mean()
        event.record()
        return loss

    torch.manual_seed(0)
    layers = [torch.nn.Linear(16, 32), torch.nn.LayerNorm(32), torch.nn.GELU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(32, 4)).to("xpu")
    x, event = torch.randn(8, 16, device="xpu"), torch.xpu.Event()
    gradients = []
    for each in (step, torch.compile(step, fullgraph=True)):
        model.zero_grad()
        each(model, x, event).backward()
        gradients.append([parameter.grad.clone() for parameter in model.parameters()])
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("generator", ["triton"], indirect=True)
def test_inductor_tunes_and_benchmarks(generator: str) -> None:
    config: Any = torch._inductor.config
    x = torch.randn(64, 512, device="xpu")
    with config.patch(max_autotune_pointwise=True, benchmark_kernel=True):
        out = torch.compile(lambda x: x.t().sin() + x.sum())(x)
    torch.testing.assert_close(out, x.t().sin() + x.sum(), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("generator", ["triton"], indirect=True)
def test_flex_attention_is_refused(generator: str) -> None:
    from torch.nn.attention.flex_attention import flex_attention

    q = torch.randn(1, 1, 128, 16, device="xpu")
    with pytest.raises(Exception, match="flex_attention has no kernel on the xpu device"):
        torch.compile(flex_attention)(q, q, q)


# ---- the choice


def output_of(program: str, **environment: str) -> str:
    """Run a program that compiles, in a process that has imported nothing; torch warns there."""
    done = run_python(program, fresh=True, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def code_of(fn: Callable[..., Any], *args: Any) -> str:
    from torch._inductor.utils import run_and_get_code

    torch.compiler.reset()
    return "\n".join(run_and_get_code(torch.compile(fn), *args)[1])


def test_a_choice_counts_for_what_is_compiled_later() -> None:
    x = ones()
    assert xpu_dynamo_event.inductor_backend() == "cpp"
    assert "tl.load" not in code_of(lambda x: x.sin() + 11, x)
    assert xpu_dynamo_event.inductor_backend("triton") == "cpp"
    try:
        assert "tl.load" in code_of(lambda x: x.sin() + 11, x)  # not out of a cache
    finally:
        assert xpu_dynamo_event.inductor_backend("cpp") == "triton"
    assert "tl.load" not in code_of(lambda x: x.sin() + 11, x)


def test_a_compiled_function_keeps_its_kernels() -> None:
    x = ones()
    compiled = torch.compile(lambda x: x.cos() + 12)
    compiled(x)
    xpu_dynamo_event.inductor_backend("triton")
    try:
        with torch.compiler.set_stance("fail_on_recompile"):
            torch.testing.assert_close(compiled(x), x.cos() + 12)
    finally:
        xpu_dynamo_event.inductor_backend("cpp")


def test_there_are_two_generators() -> None:
    with pytest.raises(ValueError, match="generates 'cpp' or 'triton' for xpu, not 'cuda'"):
        xpu_dynamo_event.inductor_backend("cuda")
    assert xpu_dynamo_event.inductor_backend() == "cpp"


def test_the_environment_chooses() -> None:
    said = run_program(
        """
        import xpu_dynamo_event
        print(xpu_dynamo_event.inductor_backend(), xpu_dynamo_event.inductor_backend("cpp"))
        """,
        XPU_DYNAMO_EVENT_INDUCTOR="Triton",
        fresh=True,
    )
    assert said.split() == ["triton", "triton"]


def test_processes_that_compile_kernels() -> None:
    """They run the source of a kernel, and nothing before it."""
    said = output_of(
        """
        import torch, xpu_dynamo_event
        from torch._inductor.async_compile import AsyncCompile
        if __name__ == "__main__":
            AsyncCompile.wait_pool_ready(60)
            x = torch.ones(100, device="xpu")
            print(torch.compile(lambda x: x.tan() + 13)(x).sum().item())
        """,
        XPU_DYNAMO_EVENT_INDUCTOR="triton",
        TORCHINDUCTOR_COMPILE_THREADS="2",
        TORCHINDUCTOR_WORKER_START="subprocess",
        TORCHINDUCTOR_FORCE_DISABLE_CACHES="1",
        TRITON_ALWAYS_COMPILE="1",
    )
    assert abs(float(said) - 1455.7408) < 0.01


def test_the_cpp_generator_does_not_look_at_triton() -> None:
    """Its code is the same with and without, and Triton is not asked for a hash of itself."""
    program = """
        import sys
        {}
        import torch, xpu_dynamo_event
        from torch._inductor.utils import run_and_get_code
        from torch.utils import _triton
        def f(x, w):
            return torch.addmm(w.sum(0), x, w).relu() + torch.rand_like(x[:, :33])
        x, w = torch.ones(129, 65, device="xpu"), torch.ones(65, 33, device="xpu")
        config = torch._inductor.config
        with config.patch({{"cpp.simdlen": 1, "shape_padding": True}}):
            out, code = run_and_get_code(torch.compile(f), x, w)
        print("hashed:", _triton.triton_hash_with_backend.cache_info().currsize)
        print(out.mean().item() > 0, "\\n".join(code))
        """
    with_triton = output_of(program.format(""))
    without = output_of(program.format("sys.modules['triton'] = None"))
    assert with_triton.startswith("hashed: 0\nTrue")
    assert _comparable(with_triton) == _comparable(without)


def _comparable(code: str) -> list[str]:
    """The lines of generated code but imports of Triton, which the wrapper has for any device."""
    return [line for line in code.splitlines() if "triton" not in line]
