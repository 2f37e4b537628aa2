"""What Inductor needs to know: event operations, and C++ kernels on the runtime's device."""
