"""``python -m fuzz.calls``: random arguments for each op and each native function.

A call may do what it is for, or raise. It may not crash or hang, reach an assertion inside, or take
a number that it cuts. Calls are made in a child process, which says each before it makes it: one
that ends the child is found too, and the next child goes on behind it.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

STDERR = 2  # also where a test has replaced sys.stderr
SECONDS = 10  # for a call; then it hangs
INSIDE = ("INTERNAL ASSERT", "Unable to cast", "Unregistered type", "bad_alloc", "vector::")


def main() -> int:
    """Run; returns the exit status."""
    parser = argparse.ArgumentParser("python -m fuzz.calls", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of all calls")
    parser.add_argument("--calls", type=int, default=20_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--child", action="store_true", help="make the calls in this process")
    options = parser.parse_args()
    if options.child:
        make(options.seed, options.first, options.calls)
        return 0
    count = 0
    for finding in findings(options.seed, options.calls, options.first):
        print(finding, flush=True)
        count += 1
    print(f"{options.calls} calls, {count} findings")
    return 1 if count else 0


def findings(seed: int, calls: int, first: int = 0) -> Iterator[str]:
    """Make calls in child processes; yield what went wrong.

    Args:
        seed: Of all calls.
        calls: How many.
        first: The number of the first one.
    """
    end = first + calls
    while first < end:
        command = [sys.executable, "-m", "fuzz.calls", "--child", "--seed", str(seed)]
        command += ["--first", str(first), "--calls", str(end - first)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        lines = done.stdout.splitlines()
        yield from (line for line in lines if line.startswith("finding"))
        if done.returncode == 0:
            return
        said = [line for line in lines if line.startswith("call ")]
        stack = " | ".join(done.stderr.splitlines())
        if not said:
            raise RuntimeError(f"No call was made: {stack}")
        yield f"finding: the process ended ({done.returncode}) in {said[-1]}: {stack[:1000]}"
        first = int(said[-1].split()[1]) + 1


def make(seed: int, first: int, calls: int) -> None:
    """Make calls here; print each, and what went wrong.

    Args:
        seed: Of all calls.
        first: The number of the first one.
        calls: How many.
    """
    from . import call_targets

    faulthandler.enable(STDERR)
    targets = call_targets.targets()
    for number in range(first, first + calls):
        chosen = random.Random(f"{seed} {number}")
        _make_one(number, chosen, chosen.choice(targets))
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=STDERR)
    _settle()
    faulthandler.cancel_dump_traceback_later()


def _make_one(number: int, chosen: random.Random, target: Any) -> None:
    from .call_values import value

    count = len(target.types)
    if not count or chosen.random() < 0.1:
        count = chosen.randrange(5)
    types = [*target.types, *[""] * 5][:count]
    print(f"call {number} {target.name}(?)", flush=True)  # values may go wrong, too
    arguments = [value(chosen, each) for each in types]
    text = f"{target.name}({', '.join(map(_shown, arguments))})"
    print(f"call {number} {text}".encode("ascii", "backslashreplace").decode(), flush=True)
    faulthandler.dump_traceback_later(SECONDS, exit=True, file=STDERR)
    try:
        target.function(*arguments)
        wrong = _accepted_wrongly(target, arguments)
    except Exception as error:
        wrong = _wrong_error(error)
    finally:
        faulthandler.cancel_dump_traceback_later()
    if wrong:
        told = f"finding: call {number}: {text}: {wrong}"
        print(told.encode("ascii", "backslashreplace").decode(), flush=True)
    _put_back(target.name)


def _accepted_wrongly(target: Any, arguments: list[Any]) -> str | None:
    import torch

    from .call_values import HUGE

    numbers = [each for each in arguments if type(each) is int]
    if any(not -HUGE <= each < HUGE for each in numbers) and target.types:
        return "took a number that does not fit"
    if target.device_at is not None and len(arguments) > target.device_at:
        device = arguments[target.device_at]
        if type(device) is int and not -1 <= device < torch.xpu.device_count():
            return "took the index of no device"
    return None


def _wrong_error(error: Exception) -> str | None:
    text = str(error).partition("\n")[0]  # the dispatcher tells more in further lines
    if isinstance(error, SystemError) or any(each in text for each in INSIDE):
        return f"{type(error).__name__}: {text}"
    return None


def _put_back(name: str) -> None:
    """Undo what later calls would only stumble over."""
    from xpu_dynamo_event import _native, ops

    if name.endswith("set_factory"):
        tables: list[dict[str, Callable[..., Any]]] = [ops.EVENT_FACTORIES, ops.STREAM_FACTORIES]
        for table in tables:
            for known, factory in table.items():
                _native.set_factory(known, factory)


def _settle() -> None:
    import torch

    torch.xpu.synchronize()


def _shown(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):  # its memory may be gone
        return f"<tensor of {value.device.type}>"
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    return " ".join(text[:80].split())


if __name__ == "__main__":
    sys.exit(main())
