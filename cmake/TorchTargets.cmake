# What code that includes torch headers is compiled with.

# Selects the ABI-relevant branches of c10/xpu: the release of the SYCL headers, not of torch.
set(XPU_EVENT_SYCL_COMPILER_VERSION 20260200 CACHE STRING
  "SYCL_COMPILER_VERSION that torch's XPU headers are compiled with (YYYYMMPP)")

# pybind11 comes from torch's own headers: its internals have to be those of libtorch_python.
add_library(xpu_event_torch_options INTERFACE)
target_include_directories(xpu_event_torch_options SYSTEM INTERFACE
  "${PROJECT_SOURCE_DIR}/cmake/include" ${Python_INCLUDE_DIRS})
target_include_directories(xpu_event_torch_options INTERFACE "${PROJECT_SOURCE_DIR}/csrc")
target_compile_definitions(xpu_event_torch_options INTERFACE
  SYCL_COMPILER_VERSION=${XPU_EVENT_SYCL_COMPILER_VERSION} AT_PER_OPERATOR_HEADERS
  # Deliberate faults, which development builds can switch on (csrc/runtime/c10_xpu/faults.h).
  $<$<BOOL:${XPU_EVENT_INPLACE}>:XPU_RUNTIME_FAULTS>)
target_link_libraries(xpu_event_torch_options INTERFACE
  xpu_event_options PyTorch::headers SYCL::runtime)
