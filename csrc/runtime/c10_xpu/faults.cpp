#include "runtime/c10_xpu/faults.h"

#ifdef XPU_RUNTIME_FAULTS

std::atomic<xpu_runtime::faults::Fault> xpu_runtime::faults::active{Fault::none};

#endif
