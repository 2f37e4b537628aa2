"""The layers, from the top down: each may use those below it, and none above.

docs/architecture.md shows this table (test_layers.py compares). A layer is a folder or a module of
the package; :data:`INSIDE` orders the modules of a folder.
"""

from __future__ import annotations

PYTHON = (
    "__main__",
    "__init__",
    "_start",
    "diagnostics",
    "explanation",
    "install",
    "testing",
    "timelines",
    "sanitizer",
    "graphs",
    "drawing",
    "colors",
    "inductor",
    "export",
    "passes",
    "variables",
    "trackers",
    "ops",
    "event",
    "interop",
    "copying",
    "triton",
    "runtime",
    "_compat",
)
"""Of ``xpu_dynamo_event``; the native modules, ``_links`` and ``_version`` are below all."""

LOWEST = ("_links", "_native", "_runtime", "_triton", "_version")

INSIDE = {
    "diagnostics": ("__init__", "command", "selftest", "checks", "examination", "report"),
    "explanation": ("__init__", "result", "picture", "text", "reading", "model"),
    "timelines": (
        "__init__",
        "recording",
        "result",
        "saving",
        "plot",
        "page",
        "density",
        "chrome",
        "summary",
        "bars",
        "profiler_log",
        "runtime_log",
        "model",
    ),
    "sanitizer": (
        "__init__",
        "session",
        "gpu_trace",
        "traced_memory",
        "accesses",
        "own_log",
        "report",
        "checker",
        "memory",
        "log",
    ),
    "inductor": (
        "generator",
        "device",
        "lowering",
        "graph_pass",
        "scheduling",
        "cpp_wrapper",
        "wrapper",
        "stream_memory",
        "spelling",
        "event_lines",
        "lanes",
        "copies",
        "touched_memory",
        "async_kernel",
        "host_tensors",
        "allocation",
        "__init__",
    ),
    "export": (
        "__init__",
        "lifetimes",
        "saving",
        "unseen",
        "replacing",
        "stand_ins",
        "tracing",
    ),
    "passes": (
        "pipeline",
        "direct_calls",
        "pinned_buffers",
        "memory",
        "alignment",
        "fences",
        "backward_bodies",
        "streams_of_bodies",
        "ordering",
        "recomputation",
        "lifetimes",
        "backward_streams",
        "write_back",
        "direct_copies",
        "flat_indices",
        "exported",
        "control_flow",
        "nodes",
        "__init__",
    ),
    "trackers": (
        "branches",
        "events",
        "stream_classes",
        "stream_contexts",
        "streams",
        "stream_kinds",
        "class_names",
        "objects",
        "emitting",
        "__init__",
    ),
    "interop": ("dlpack", "__init__", "capsules"),
    "triton": (
        "in_kernels",
        "activation",
        "driver",
        "launching",
        "programs",
        "compiler",
        "refusal",
        "portable",
        "facts",
        "requirements",
        "__init__",
    ),
    "runtime": ("__init__", "native_modules", "libraries"),
}
"""Modules of a folder; ``_compat`` is flat."""

CSRC = ("bindings", "types", "ops", "triton", "runtime", "stream_ids", "event")
"""Of ``csrc``; ``runtime`` and ``ops`` know nothing of each other."""

RUNTIME = (
    ("registration",),
    ("profiling", "collectives"),
    ("calls",),
    ("tensors",),
    ("backend",),
    ("c10_xpu",),
)
"""Of ``csrc/runtime``; folders of one line know nothing of each other."""
