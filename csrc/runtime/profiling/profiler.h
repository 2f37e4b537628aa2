#pragma once

namespace xpu_runtime {

/// Makes torch.profiler show what runs on the streams of this device.
void register_profiler();

}  // namespace xpu_runtime
