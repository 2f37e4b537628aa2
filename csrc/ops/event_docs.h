#pragma once

/// Docstrings of the event's methods and properties, with the signature in CPython's form.
namespace xpu_event_ops::docs {

constexpr const char* event =
    R"(EventBase(enable_timing=False, blocking=False, interprocess=False)
--

The native part of xpu_dynamo_event.Event.)";

constexpr const char* record =
    R"(record($self, stream=None)
--

Record the event: it now stands for everything submitted to the stream so far.

Recorded again, it stands for the new point; waits that were submitted before keep the old one.

Args:
    stream: The stream; the one that is current at the moment of the call if None.

Raises:
    TypeError: ``stream`` is not a stream.
    ValueError: ``stream`` is not one of an XPU device, or the event belongs to another device.

Example:
    >>> import torch, xpu_dynamo_event
    >>> event = torch.xpu.Event()
    >>> event.record(torch.xpu.Stream())
    >>> event.device
    device(type='xpu', index=0)
)";

constexpr const char* wait =
    R"(wait($self, stream=None)
--

Let all work that is submitted to the stream from now on come after the event.

Never blocks the host. Does nothing when the event was never recorded. The stream may be one of
another device.

Args:
    stream: The stream that waits; the current one if None.

Raises:
    TypeError: ``stream`` is not a stream.
    ValueError: ``stream`` is not one of an XPU device.

Example:
    >>> import torch, xpu_dynamo_event
    >>> event = torch.xpu.Event()
    >>> event.record()
    >>> event.wait(torch.xpu.Stream())
)";

constexpr const char* query =
    R"(query($self)
--

Return whether all work before the event is complete; True when it was never recorded.

Example:
    >>> import torch, xpu_dynamo_event
    >>> torch.xpu.Event().query()
    True
)";

constexpr const char* synchronize =
    R"(synchronize($self)
--

Block the host until all work before the event is complete. The GIL is released meanwhile.

Does nothing when the event was never recorded. An error of the work before the event is raised
here, once.

Example:
    >>> import torch, xpu_dynamo_event
    >>> event = torch.xpu.Event()
    >>> event.record()
    >>> event.synchronize()
    >>> event.query()
    True
)";

constexpr const char* elapsed_time =
    R"(elapsed_time($self, end, /)
--

Return the time between this event and a later one, in milliseconds (ms).

Args:
    end: The later event, of the same device.

Returns:
    Milliseconds, as a float; negative when ``end`` came first.

Raises:
    ValueError: One of the events does not measure time, or was never recorded.
    RuntimeError: One of the events is not complete, or they are of two devices.
    TypeError: ``end`` is not an event.

Example:
    >>> import torch, xpu_dynamo_event
    >>> start, end = (torch.xpu.Event(enable_timing=True) for _ in range(2))
    >>> start.record()
    >>> x = torch.ones(64, 64, device="xpu") @ torch.ones(64, 64, device="xpu")
    >>> end.record()
    >>> end.synchronize()
    >>> start.elapsed_time(end) > 0
    True
)";

constexpr const char* ipc_handle =
    R"(ipc_handle($self)
--

Return bytes by which another process opens this event.

Returns:
    The handle, for ``Event.from_ipc_handle`` there.

Raises:
    ValueError: The event was not created with ``interprocess=True``.

Example:
    >>> import torch, xpu_dynamo_event
    >>> try:
    ...     torch.xpu.Event().ipc_handle()
    ... except ValueError as error:
    ...     print(error)
    ipc_handle() needs an event that was created with interprocess=True.
)";

constexpr const char* device = "The device of the first record; None before it.";
constexpr const char* sycl_event =
    "Address of the ``sycl::event``, the same for every later record; 0 before the first.";
constexpr const char* enable_timing = "Whether the event measures time, as given at creation.";
constexpr const char* blocking = "The flag given at creation.";

}  // namespace xpu_event_ops::docs
