"""Triton's kernels on the runtime's device, by Intel's backend of Triton (docs/triton.md).

Nothing here imports Triton before the program, or torch's compiler, does.
"""
