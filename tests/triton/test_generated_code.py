"""What torch writes around kernels for a GPU keeps the program's streams and its order.

Each kind of code is pinned, and run behind a latch beside eager. Kernels are torch's own.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from expecttest import assert_expected_inline
from generated import assert_as_eager, call, compile_and_run, lanes
from needs_triton import skip_without_triton
from torch import Tensor
from torch._inductor import config
from torch._inductor.utils import get_code

skip_without_triton()

pytestmark = pytest.mark.usefixtures("triton_kernels")

MANY = 1 << 16


def pointwise(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    y = x + 1
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        a = y * w
        join.record()
    b = y * 3
    join.wait()
    return a + b


def test_raw_streams_after_a_change(latch: Any) -> None:
    run, code = compile_and_run(pointwise, (100, 100))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
buf0 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_add_0.run(arg0_1, buf0, 100, stream=raw_stream0)
del arg0_1
xpu_event_native.run('RSW', arg1_1, None, arg3_1, arg1_1, None)
stream_of_lane0 = arg3_1
arg4_1.record_stream(stream_of_lane0)
buf0.record_stream(stream_of_lane0)
buf4 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_mul_1.run(buf0, arg4_1, buf4, 100, stream=raw_stream0)
del arg4_1
xpu_event_native.run('RS', arg5_1, None, arg2_1)
buf7 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_mul_2.run(buf0, buf7, 100, stream=raw_stream0)
xpu_event_native.wait(arg5_1, None)
del buf0
buf4.record_stream(arg2_1)
buf9 = buf7; del buf7  # reuse
raw_stream0 = get_raw_stream(0)
triton_poi_add_3.run(buf9, buf4, 100, stream=raw_stream0)
del buf4
return (buf9, )""",
    )
    assert_as_eager(run, pointwise, (100, 100), latch)


def sums(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        a = (w + 1).sum()
        join.record()
    b = (x + 2).sum()
    join.wait()
    return a + b


def cooperative(program: Any) -> str:
    """Not run: groups of a kernel wait for each other, and a processor may not run all at once."""
    inputs = torch.ones(MANY, device="xpu"), torch.ones(MANY, device="xpu")
    with config.patch({"triton.force_cooperative_reductions": True}):
        codes = get_code(torch.compile(program, fullgraph=True), *inputs, *lanes())
    return next(call(code) for code in codes if "def call(" in code)


def test_semaphores_are_not_shared_by_streams() -> None:
    assert_expected_inline(
        cooperative(sums),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
xpu_event_native.run('RSW', arg0_1, None, arg2_1, arg0_1, None)
stream_of_lane0 = arg2_1
arg3_1.record_stream(stream_of_lane0)
buf3 = empty_strided_xpu((), (), torch.float32)
semaphores_xpu_0 = empty_strided_xpu((1, ), (1, ), torch.uint32)
semaphores_xpu_0.zero_()
workspace_0 = empty_strided_xpu((256, ), (1, ), torch.uint8)
raw_stream0 = get_raw_stream(0)
triton_unk_add_sum_0.run(arg3_1, buf3, semaphores_xpu_0, workspace_0, 1, 65536, stream=raw_stream0)
del workspace_0
xpu_event_native.run('RS', arg4_1, None, arg1_1)
del arg3_1
buf6 = empty_strided_xpu((), (), torch.float32)
semaphores_xpu_0 = empty_strided_xpu((1, ), (1, ), torch.uint32)
semaphores_xpu_0.zero_()
workspace_1 = empty_strided_xpu((256, ), (1, ), torch.uint8)
raw_stream0 = get_raw_stream(0)
triton_unk_add_sum_1.run(arg5_1, buf6, semaphores_xpu_0, workspace_1, 1, 65536, stream=raw_stream0)
del workspace_1
xpu_event_native.wait(arg4_1, None)
del arg5_1
buf3.record_stream(arg1_1)
buf8 = buf6; del buf6  # reuse
raw_stream0 = get_raw_stream(0)
triton_poi_add_2.run(buf8, buf3, 1, stream=raw_stream0)
del buf3
return (buf8, )""",
    )


def sums_on_one_stream(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    a = (w + 1).sum()
    fork.record()
    return (x + 2).sum() * a


def test_semaphores_are_shared_on_one_stream() -> None:
    code = cooperative(sums_on_one_stream)
    assert code.count("semaphores_xpu_0.zero_()") == 1
    assert code.count(", semaphores_xpu_0, ") == 2


def scans(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        a = w.cumsum(0)
        join.record()
    b = x.cumsum(0)
    join.wait()
    return a + b


def test_workspaces(latch: Any) -> None:
    run, code = compile_and_run(scans, (MANY, MANY))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
xpu_event_native.run('RSW', arg0_1, None, arg2_1, arg0_1, None)
stream_of_lane0 = arg2_1
arg3_1.record_stream(stream_of_lane0)
buf3 = empty_strided_xpu((65536, ), (1, ), torch.float32)
workspace_0 = empty_strided_xpu((2048, ), (1, ), torch.uint8)
workspace_0.zero_()
raw_stream0 = get_raw_stream(0)
triton_spl_cumsum_0.run(arg3_1, buf3, workspace_0, 1, 65536, stream=raw_stream0)
del workspace_0
xpu_event_native.run('RS', arg4_1, None, arg1_1)
del arg3_1
buf6 = empty_strided_xpu((65536, ), (1, ), torch.float32)
workspace_1 = empty_strided_xpu((2048, ), (1, ), torch.uint8)
workspace_1.zero_()
raw_stream0 = get_raw_stream(0)
triton_spl_cumsum_0.run(arg5_1, buf6, workspace_1, 1, 65536, stream=raw_stream0)
del workspace_1
xpu_event_native.wait(arg4_1, None)
del arg5_1
buf3.record_stream(arg1_1)
buf8 = buf6; del buf6  # reuse
raw_stream0 = get_raw_stream(0)
triton_poi_add_1.run(buf8, buf3, 65536, stream=raw_stream0)
del buf3
return (buf8, )""",
    )
    assert_as_eager(run, scans, (MANY, MANY), latch)


def several(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Any:
    a, b = x + 1, w * 2
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        c, d = x * 5, w - 1
        join.record()
    e, f = x - 7, w * 9
    join.wait()
    return a, b, c, d, e, f


def test_combo_kernels(latch: Any) -> None:
    sizes = (100, 300)
    settings = {"combo_kernels": True, "benchmark_combo_kernel": False}
    run, code = compile_and_run(several, sizes, **settings)
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
buf0 = empty_strided_xpu((100, ), (1, ), torch.float32)
buf1 = empty_strided_xpu((300, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_0.run(arg0_1, arg1_1, buf0, buf1, stream=raw_stream0)
xpu_event_native.run('RSW', arg2_1, None, arg4_1, arg2_1, None)
stream_of_lane0 = arg4_1
arg0_1.record_stream(stream_of_lane0)
arg1_1.record_stream(stream_of_lane0)
buf5 = empty_strided_xpu((100, ), (1, ), torch.float32)
buf6 = empty_strided_xpu((300, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_1.run(arg0_1, arg1_1, buf5, buf6, stream=raw_stream0)
xpu_event_native.run('RS', arg5_1, None, arg3_1)
buf9 = empty_strided_xpu((100, ), (1, ), torch.float32)
buf10 = empty_strided_xpu((300, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_2.run(arg0_1, arg1_1, buf9, buf10, stream=raw_stream0)
del arg1_1
xpu_event_native.wait(arg5_1, None)
del arg0_1
buf5.record_stream(arg3_1)
buf6.record_stream(arg3_1)
buf5.record_stream(arg3_1)
buf6.record_stream(arg3_1)
return (buf0, buf1, buf5, buf6, buf9, buf10, )""",
    )
    assert_as_eager(run, several, sizes, latch)


def lists(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Any:
    a = torch._foreach_add([x, w], 1)
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        b = torch._foreach_mul([x, w], 3)
        join.record()
    join.wait()
    torch._foreach_add_([x, w], 2)
    return *a, *b


def test_foreach(latch: Any) -> None:
    run, code = compile_and_run(lists, (100, 40))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
buf0 = empty_strided_xpu((100, ), (1, ), torch.float32)
buf1 = empty_strided_xpu((40, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_for_0.run(arg0_1, arg1_1, buf0, buf1, stream=raw_stream0)
xpu_event_native.run('RSW', arg2_1, None, arg4_1, arg2_1, None)
stream_of_lane0 = arg4_1
arg0_1.record_stream(stream_of_lane0)
arg1_1.record_stream(stream_of_lane0)
buf5 = empty_strided_xpu((100, ), (1, ), torch.float32)
buf6 = empty_strided_xpu((40, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_for_1.run(arg0_1, arg1_1, buf5, buf6, stream=raw_stream0)
xpu_event_native.run('RSW', arg5_1, None, arg3_1, arg5_1, None)
raw_stream0 = get_raw_stream(0)
triton_for_2.run(arg0_1, arg1_1, arg0_1, arg1_1, stream=raw_stream0)
del arg0_1
del arg1_1
buf5.record_stream(arg3_1)
buf6.record_stream(arg3_1)
buf5.record_stream(arg3_1)
buf6.record_stream(arg3_1)
return (buf0, buf1, buf5, buf6, )""",
    )
    assert_as_eager(run, lists, (100, 40), latch)


def test_multi_kernel(latch: Any) -> None:
    """Chooses a kernel at the first call, by times that it takes there: warm up before a latch."""
    run, code = compile_and_run(sums, (MANY, MANY), **{"triton.multi_kernel": 1})
    called = [line for line in call(code).splitlines() if ".run(" in line or "stream" in line]
    assert_expected_inline(
        "\n".join(called),
        """\
xpu_event_native.run('RSW', arg0_1, None, arg2_1, arg0_1, None)
stream_of_lane0 = arg2_1
arg3_1.record_stream(stream_of_lane0)
raw_stream0 = get_raw_stream(0)
multi_kernel_0.run(arg3_1, buf4, 8, 8192, stream=raw_stream0)
raw_stream0 = get_raw_stream(0)
multi_kernel_1.run(buf4, buf5, 1, 8, stream=raw_stream0)
xpu_event_native.run('RS', arg4_1, None, arg1_1)
raw_stream0 = get_raw_stream(0)
multi_kernel_2.run(arg5_1, buf9, 8, 8192, stream=raw_stream0)
raw_stream0 = get_raw_stream(0)
multi_kernel_1.run(buf9, buf10, 1, 8, stream=raw_stream0)
buf5.record_stream(arg1_1)
raw_stream0 = get_raw_stream(0)
triton_poi_add_6.run(buf12, buf5, 1, stream=raw_stream0)""",
    )
    assert_as_eager(run, sums, (MANY, MANY), latch)


def test_autotuning_at_compile_time(latch: Any) -> None:
    """Its block runs while compiling, on tensors made there: the call is the same without."""
    settings = {"triton.autotune_at_compile_time": True}
    run, code = compile_and_run(sums, (MANY, MANY), **settings)
    assert "Compile-time auto-tuning block" in code
    torch.compiler.reset()
    assert call(code) == call(compile_and_run(sums, (MANY, MANY))[1])
    assert_as_eager(run, sums, (MANY, MANY), latch)


def chain(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    y = (x + w).cumsum(0)
    fork.record()
    z = (y * 2).cumsum(0)
    join.record()
    return (z - 1).cumsum(0)


def test_memory_planning(latch: Any) -> None:
    """A pool serves a graph on one stream; one that changes streams is as without a pool."""
    run, code = compile_and_run(chain, (100, 100), memory_planning=True)
    assert "alloc_from_pool(" in call(code)
    assert_as_eager(run, chain, (100, 100), latch)
    run, code = compile_and_run(sums, (MANY, MANY), memory_planning=True)
    torch.compiler.reset()
    assert call(code) == call(compile_and_run(sums, (MANY, MANY))[1])


def to_the_host(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    side.wait_stream(torch.xpu.current_stream())
    with torch.xpu.stream(side):
        y = (x * w).to("cpu", non_blocking=True)
        join.record()
    fork.record()
    return y


def test_copies_to_the_host_do_not_wait(latch: Any) -> None:
    run, code = compile_and_run(to_the_host, (100, 100))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
xpu_event_native.run('FS', arg0_1, arg1_1, arg0_1)
stream_of_lane0 = arg0_1
arg2_1.record_stream(stream_of_lane0)
arg3_1.record_stream(stream_of_lane0)
buf2 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi__to_copy_mul_0.run(arg2_1, arg3_1, buf2, 100, stream=raw_stream0)
del arg3_1
buf3 = empty_strided_cpu_pinned((100, ), (1, ), torch.float32)
buf3.copy_(buf2, True)
del buf2
xpu_event_native.run('RSR', arg4_1, None, arg1_1, arg5_1, None)
del arg2_1
return (buf3, )""",
    )
    assert_as_eager(run, to_the_host, (100, 100), latch)


def read_on_the_host(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    with torch.xpu.stream(side):
        fork.record()
    return (x * w).to("cpu", non_blocking=True) + 1


def test_the_host_waits_for_a_copy_that_the_graph_reads() -> None:
    """With an event on the stream of the copy; behind a latch it would wait for ever."""
    run, code = compile_and_run(read_on_the_host, (100, 100))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1 = args
xpu_event_native.run('SRS', arg0_1, arg2_1, None, arg1_1)
stream_of_lane0 = arg0_1
buf3 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi__to_copy_mul_0.run(arg3_1, arg4_1, buf3, 100, stream=raw_stream0)
del arg3_1
del arg4_1
buf4 = empty_strided_cpu_pinned((100, ), (1, ), torch.float32)
buf4.copy_(buf3, True)
torch.xpu.current_stream(0).synchronize()
del buf3
buf5 = empty_strided_cpu((100, ), (1, ), torch.float32)
cpp_add_1(buf4, buf5)
del buf4
return (buf5, )""",
    )
    x = torch.full((100,), 3.0, device="xpu")
    assert run(x, x, *lanes()).tolist() == [10.0] * 100


def written_back(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    x.add_(w)
    fork.record()
    with torch.xpu.stream(side):
        fork.wait()
        seen = x * 1
        join.record()
    join.wait()
    x.mul_(2)
    return seen


def test_copies_at_the_end(latch: Any) -> None:
    run, code = compile_and_run(written_back, (100, 100))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
buf0 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_add_0.run(arg0_1, arg1_1, buf0, arg0_1, 100, stream=raw_stream0)
del arg1_1
xpu_event_native.run('RSW', arg2_1, None, arg4_1, arg2_1, None)
stream_of_lane0 = arg4_1
buf0.record_stream(stream_of_lane0)
buf5 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_mul_1.run(buf0, buf5, 100, stream=raw_stream0)
xpu_event_native.run('RSW', arg5_1, None, arg3_1, arg5_1, None)
raw_stream0 = get_raw_stream(0)
triton_poi_copy__mul_2.run(buf0, arg0_1, 100, stream=raw_stream0)
del arg0_1
del buf0
buf5.record_stream(arg3_1)
buf5.record_stream(arg3_1)
return (buf5, )""",
    )
    assert_as_eager(run, written_back, (100, 100), latch)


def test_waiting_for_each_kernel(latch: Any) -> None:
    """For ``config.triton.debug_sync_kernel``; an event op is no kernel."""
    run, code = compile_and_run(pointwise, (100, 100), **{"triton.debug_sync_kernel": True})
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1, arg4_1, arg5_1 = args
buf0 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_add_0.run(arg0_1, buf0, 100, stream=raw_stream0)
del arg0_1
torch.xpu.synchronize()
xpu_event_native.run('RSW', arg1_1, None, arg3_1, arg1_1, None)
stream_of_lane0 = arg3_1
arg4_1.record_stream(stream_of_lane0)
buf0.record_stream(stream_of_lane0)
buf4 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_mul_1.run(buf0, arg4_1, buf4, 100, stream=raw_stream0)
del arg4_1
torch.xpu.synchronize()
xpu_event_native.run('RS', arg5_1, None, arg2_1)
buf7 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_mul_2.run(buf0, buf7, 100, stream=raw_stream0)
torch.xpu.synchronize()
xpu_event_native.wait(arg5_1, None)
del buf0
buf4.record_stream(arg2_1)
buf9 = buf7; del buf7  # reuse
raw_stream0 = get_raw_stream(0)
triton_poi_add_3.run(buf9, buf4, 100, stream=raw_stream0)
del buf4
torch.xpu.synchronize()
return (buf9, )""",
    )
    x = torch.ones(100, device="xpu")
    assert run(x, x, *lanes()).tolist() == [8.0] * 100


def waiting(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    fork.wait()
    return x * w


def test_inputs_are_not_checked_before_the_wait_for_them() -> None:
    """For ``config.nan_asserts``; kernels are followed by checks of all that they touch."""
    _, code = compile_and_run(waiting, (100, 100), nan_asserts=True)
    checks = call(code).partition("xpu_event_native.wait")
    assert "isnan" not in checks[0]
    assert checks[2].count("isnan") == 4, "inputs, result, and what is returned"
    _, code = compile_and_run(lambda x, w, *_lanes: x * w, (100, 100), nan_asserts=True)
    assert "isnan" in call(code).partition("get_raw_stream")[0], "without events as ever"


def dropouts(x: Tensor, w: Tensor, side: Any, fork: Any, join: Any) -> Tensor:
    a = torch.nn.functional.dropout(x, 0.5)
    with torch.xpu.stream(side):
        b = torch.nn.functional.dropout(x, 0.5)
        join.record()
    join.wait()
    return a + b


def test_seeds_are_drawn_on_the_stream_that_uses_them() -> None:
    _, code = compile_and_run(dropouts, (100, 100))
    assert_expected_inline(
        call(code),
        """\
arg0_1, arg1_1, arg2_1, arg3_1 = args
buf0 = empty_strided_xpu((1, ), (1, ), torch.int64)
aten.randint.low_out(-9223372036854775808, 9223372036854775807, [1], out=buf0)
buf2 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_native_dropout_0.run(buf0, arg0_1, buf2, 0, 100, stream=raw_stream0)
del buf0
xpu_event_native.set_stream(arg1_1)
stream_of_lane0 = arg1_1
buf4 = empty_strided_xpu((1, ), (1, ), torch.int64)
aten.randint.low_out(-9223372036854775808, 9223372036854775807, [1], out=buf4)
arg0_1.record_stream(stream_of_lane0)
buf6 = empty_strided_xpu((100, ), (1, ), torch.float32)
raw_stream0 = get_raw_stream(0)
triton_poi_native_dropout_0.run(buf4, arg0_1, buf6, 0, 100, stream=raw_stream0)
del buf4
xpu_event_native.run('RSW', arg3_1, None, arg2_1, arg3_1, None)
del arg0_1
buf6.record_stream(arg2_1)
buf10 = buf2; del buf2  # reuse
raw_stream0 = get_raw_stream(0)
triton_poi_add_1.run(buf10, buf6, 100, stream=raw_stream0)
del buf6
return (buf10, )""",
    )
