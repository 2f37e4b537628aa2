"""Which kernels Inductor generates for the runtime's device: C++, or torch's own Triton."""

from __future__ import annotations

from . import device


def inductor_backend(name: str | None = None) -> str:
    """Choose what Inductor generates for the xpu device of this package; or say what it does.

    ``"cpp"``, the default, needs a C++ compiler, makes the faster kernels, and is what most tests
    run. ``"triton"`` lets torch generate the Triton kernels that it generates for an Intel GPU, and
    compiles them for the processor: to try out what will run on a GPU. It needs ``triton-xpu``
    (docs/triton.md). The environment variable ``XPU_DYNAMO_EVENT_INDUCTOR`` sets the first choice.

    There is one choice for all threads, and it counts for what is compiled from then on: functions
    compiled earlier keep their kernels. It waits while another thread compiles a frame.

    Args:
        name: ``"cpp"`` or ``"triton"``; without it nothing changes.

    Returns:
        What was generated before the call.

    Raises:
        ValueError: There is no such generator.
        RuntimeError: ``"triton"``, and Triton is not installed or is another version; or ``"cpp"``
            on a torch with XPU, whose kernels are always Triton's.

    Example:
        >>> import xpu_dynamo_event
        >>> xpu_dynamo_event.inductor_backend()
        'cpp'
        >>> before = xpu_dynamo_event.inductor_backend("cpp")
    """
    return device.generator() if name is None else device.choose(name)
