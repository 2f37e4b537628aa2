// torch generates this header when it builds libc10_xpu; a torch without XPU ships the headers
// that include it, but not the file itself.
#pragma once

#define C10_XPU_BUILD_SHARED_LIBS
