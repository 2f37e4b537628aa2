"""What the compiler for processors refuses in LLVM IR is written in other words."""

from __future__ import annotations

import pytest

from xpu_dynamo_event.triton import facts, portable

pytestmark = pytest.mark.no_device


@pytest.mark.parametrize(
    ("line", "rewritten"),
    [
        ("%1 = add i32 %0, 1, !dbg !3", "%1 = add i32 %0, 1, !dbg !3"),
        ("%1 = load <1 x float>, ptr %0, align 4", "%1 = load float, ptr %0, align 4"),
        ("%1 = fadd <1 x float> %0, splat (float 1.0)", "%1 = fadd float %0, 1.0"),
        ("%1 = fadd <1 x float> %0, <float 1.0>", "%1 = fadd float %0, 1.0"),
        (
            "%1 = phi <1 x i64> [ %0, %5 ], [ <i64 -7>, %4 ], [ zeroinitializer, %3 ]",
            "%1 = phi i64 [ %0, %5 ], [ -7, %4 ], [ zeroinitializer, %3 ]",
        ),
        ("%1 = extractelement <1 x half> %0, i64 0", "%1 = bitcast half %0 to half"),
        (
            "%1 = insertelement <1 x ptr addrspace(1)> poison, ptr addrspace(1) %0, i32 0",
            "%1 = bitcast ptr addrspace(1) %0 to ptr addrspace(1)",
        ),
        ("%1 = bitcast <1 x i32> %0 to <2 x half>", "%1 = bitcast i32 %0 to <2 x half>"),
        (
            "%1 = call <1 x float> @llvm.fma.v1f32(<1 x float> %0, <1 x float> <float 2.0>)",
            "%1 = call float @llvm.fma.f32(float %0, float 2.0)",
        ),
        (
            "define void @f() !max_work_group_size !15 {",
            "define void @f() !reqd_work_group_size !15 {",
        ),
    ],
)
def test_an_instruction(line: str, rewritten: str) -> None:
    assert portable.rewritten(line) == rewritten


@pytest.mark.parametrize(
    ("shuffle", "lines"),
    [
        (  # an element out of a vector
            "  %r = shufflevector <4 x i8> %v, <4 x i8> poison, <1 x i32> <i32 2>, !dbg !1",
            [
                "  %xpu.0 = extractelement <4 x i8> %v, i64 2, !dbg !1",
                "  %r = bitcast i8 %xpu.0 to i8, !dbg !1",
            ],
        ),
        (  # two vectors of one element into a vector
            "  %r = shufflevector <1 x i8> %v, <1 x i8> %w, <2 x i32> <i32 0, i32 1>",
            [
                "  %xpu.0 = bitcast i8 %v to i8",
                "  %xpu.1 = insertelement <2 x i8> poison, i8 %xpu.0, i64 0",
                "  %xpu.2 = bitcast i8 %w to i8",
                "  %r = insertelement <2 x i8> %xpu.1, i8 %xpu.2, i64 1",
            ],
        ),
        (  # the same element everywhere
            "  %r = shufflevector <1 x i8> %v, <1 x i8> poison, <2 x i32> zeroinitializer",
            [
                "  %xpu.0 = bitcast i8 %v to i8",
                "  %xpu.1 = insertelement <2 x i8> poison, i8 %xpu.0, i64 0",
                "  %xpu.2 = bitcast i8 %v to i8",
                "  %r = insertelement <2 x i8> %xpu.1, i8 %xpu.2, i64 1",
            ],
        ),
        (  # what nobody reads stays out
            "  %r = shufflevector <1 x i8> %v, <1 x i8> poison, <2 x i32> <i32 0, i32 poison>",
            [
                "  %xpu.0 = bitcast i8 %v to i8",
                "  %r = insertelement <2 x i8> poison, i8 %xpu.0, i64 0",
            ],
        ),
        (
            "  %r = shufflevector <1 x i8> %v, <1 x i8> %w, <2 x i32> poison",
            ["  %r = bitcast <2 x i8> poison to <2 x i8>"],
        ),
        (  # wider vectors stay as they are
            "  %r = shufflevector <2 x i8> %v, <2 x i8> %w, <2 x i32> <i32 1, i32 2>",
            ["  %r = shufflevector <2 x i8> %v, <2 x i8> %w, <2 x i32> <i32 1, i32 2>"],
        ),
    ],
)
def test_a_shuffle(shuffle: str, lines: list[str]) -> None:
    assert portable.rewritten(shuffle).split("\n") == lines


def test_a_function_is_declared_once() -> None:
    module = "declare <1 x float> @llvm.fma.v1f32(<1 x float>)\ndeclare float @llvm.fma.f32(float)"
    assert portable.rewritten(module) == "declare float @llvm.fma.f32(float)"


def test_an_assertion_tells_this_package() -> None:
    module = """
    @assertFunc_ = internal addrspace(1) constant [8 x i8] c"unknown\\00"
    @assertMessage_ = internal addrspace(1) constant [4 x i8] c"bad\\00"
    call spir_func void @__devicelib_assert_fail(ptr addrspace(4) @x)
define spir_kernel void @f() {"""
    rewritten = portable.rewritten(module)
    assert 'assertFunc_ = internal addrspace(1) constant [2 x i8] c"f\\00"' in rewritten
    assert 'constant [4 x i8] c"bad\\00"' in rewritten
    assert "void @xpu_triton_assertion_failed(ptr" in rewritten


KERNEL = """
define spir_kernel void @add(ptr addrspace(1) readonly captures(none) %0, ptr addrspace(1) %1,
 i32 %2, ptr addrspace(1) writeonly %3, ptr addrspace(3) readnone %4) #1 !dbg !13 {
  %5 = tail call spir_func float @gone(float %2) #2, !dbg !16
!5 = !DIFile(filename: "b.py", directory: "/here")
!12 = distinct !DISubprogram(name: "other", line: 3, scopeLine: 3)
!13 = distinct !DISubprogram(name: "add", linkageName: "add", line: 6, scopeLine: 6)
!16 = !DILocation(line: 9, column: 22, scope: !13)
"""


def test_what_a_kernel_writes() -> None:
    assert facts.written_parameters(KERNEL) == [False, True, False, True, False]
    assert facts.written_parameters("define spir_kernel void @f() {") == []
    assert facts.written_parameters("no kernel") == []


def test_where_a_kernel_is() -> None:
    assert facts.kernel_name(KERNEL) == "add"
    assert facts.place(KERNEL) == "/here/b.py:6"
    assert facts.place(KERNEL, "gone") == "/here/b.py:9"
    assert facts.place(KERNEL, "not_called") == "/here/b.py:6"
    assert facts.place("no lines") is None


def test_an_earlier_form_of_a_kernel() -> None:
    early = '#loc = loc("/here/b.py":6:0)\n  tt.func public @add(%arg0: i32) {'
    assert (facts.kernel_name(early), facts.place(early)) == ("add", "/here/b.py:6")
    assert facts.kernel_name('sym_name = "add", sym_visibility = "public"') == "add"
