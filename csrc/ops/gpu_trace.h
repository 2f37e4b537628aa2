// torch's GPU trace, made fit to be on while a program raises.
#pragma once

namespace xpu_event_ops {

// From here on the trace leaves a Python exception alone that is on its way when a tensor or an
// event dies. torch's own calls Python in the middle of that, which loses the exception: the
// program ends with "SystemError: error return without exception set". Does nothing the second
// time, and before the trace is on. Needs the GIL.
void keep_errors_in_gpu_trace();

}  // namespace xpu_event_ops
