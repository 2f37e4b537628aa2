"""What ``import xpu_dynamo_event`` does: the steps of ``STEPS``, one after the other.

No step looks for devices: a program may fork, or choose its devices by the environment, between the
import and the first use.

The steps import for themselves, because importing most modules needs the steps before.
"""

from __future__ import annotations

from xpu_dynamo_event_autoload import environment


def run() -> None:
    """Carry the steps out."""
    for step in STEPS:
        step()


def check_environment() -> None:
    """Refuse a variable with a wrong value, before anything is set up."""
    environment.check()


def import_torch() -> None:
    """Import torch without the part of ``TORCH_LOGS`` that would import this package again."""
    from ._compat import torch_logs

    try:
        torch_logs.import_torch()
        import torch  # noqa: F401
    except (ImportError, OSError) as error:  # OSError: a library that torch loads by itself
        from .diagnostics import command

        command.exit_with_report_of(error)
        raise


def load_native_modules() -> None:
    """Load the SYCL runtime and the native module; where they do not fit, say why."""
    try:
        from . import runtime  # noqa: F401
    except ImportError as error:
        from .diagnostics import command

        command.exit_with_report_of(error)
        raise


def register_device() -> None:
    """Register the xpu device with a torch that has none, and our class of events with it."""
    from . import runtime

    if runtime.register():
        from .event import Event

        if runtime.provides_event_class():
            runtime.set_event_class(Event)
        _follow_triton()


def _follow_triton() -> None:
    """Make Triton's kernels run on the device, if the program imports Triton."""
    from .triton import activation

    activation.install()


def check_generator() -> None:
    """Refuse a choice of Inductor's kernels that needs what is not there."""
    from .inductor import device

    device.check_environment()


def define_ops() -> None:
    """Register ``torch.ops.xpu_event`` for tracing, also for tracing without the compiler."""
    from . import runtime

    if runtime.is_registered():
        from . import ops  # noqa: F401


def set_rules_for_torch() -> None:
    """Make torch copy events and streams, and order streams when it exports a tensor."""
    from . import runtime

    if runtime.is_registered():
        from . import copying
        from .interop import dlpack

        copying.install()
        dlpack.install()


def switch_capture_on() -> None:
    """Ask for capture, which is put in place when torch's compiler is imported."""
    from . import install, runtime

    if runtime.is_registered():
        install.enable()


def start_the_sanitizer() -> None:
    """Look for races until the process ends, if asked to."""
    from . import runtime

    if environment.flag("XPU_DYNAMO_EVENT_SANITIZE") and runtime.is_registered():
        from .sanitizer import sanitize_process

        sanitize_process()


def read_torch_logs() -> None:
    """Read what ``import_torch`` put off; torch imports all subpackages, so this comes last."""
    from ._compat import torch_logs

    torch_logs.read_all()


STEPS = (
    check_environment,
    import_torch,
    load_native_modules,
    register_device,
    check_generator,
    define_ops,
    set_rules_for_torch,
    switch_capture_on,
    start_the_sanitizer,
    read_torch_logs,
)
