#pragma once

namespace xpu_runtime {

/// Gives the autograd engine its threads for this device, if it started without them.
///
/// The engine counts devices once, at the first backward. One that ran before the backend was
/// registered would make the first backward on the device fail an internal assertion.
void ensure_autograd_threads();

/// Waits until the engine's device threads have released the last backward. Call without the
/// interpreter lock, before the interpreter is finalized.
///
/// backward() returns when the gradients are there. Only after that the device thread gives up the
/// graph task, and with it the context variables that backward() copied for it, for which it needs
/// the interpreter lock. Where the interpreter is being finalized, Python ends a thread that asks
/// for the lock, and a thread that is ended inside a destructor ends the process: std::terminate.
/// CAN REMOVE when torch's engine joins its threads before finalization.
void finish_autograd_threads() noexcept;

}  // namespace xpu_runtime
