#pragma once

/// Marks what libc10_xpu.so exports; everything else stays hidden.
#define XPU_RUNTIME_API __attribute__((visibility("default")))
