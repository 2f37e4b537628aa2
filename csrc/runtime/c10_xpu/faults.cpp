#include "runtime/c10_xpu/faults.h"

#ifdef XPU_RUNTIME_FAULTS

namespace xpu_runtime::faults {

std::atomic<Fault> active{Fault::none};

}  // namespace xpu_runtime::faults

#endif
