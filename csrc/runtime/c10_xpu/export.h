#pragma once

/// Marks what libc10_xpu.so offers to the objects linked against it; all else stays hidden.
#define XPU_RUNTIME_API __attribute__((visibility("default")))
