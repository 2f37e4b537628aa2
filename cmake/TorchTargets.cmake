# What code that includes torch headers is compiled with, and the headers precompiled for it.

# Selects the ABI-relevant branches of c10/xpu: the release of the SYCL headers, not of torch.
set(XPU_EVENT_SYCL_COMPILER_VERSION 20260200 CACHE STRING
  "SYCL_COMPILER_VERSION that torch's XPU headers are compiled with (YYYYMMPP)")

# pybind11 comes from torch's own headers: its internals have to be those of libtorch_python.
add_library(xpu_event_torch_options INTERFACE)
target_include_directories(xpu_event_torch_options SYSTEM INTERFACE
  "${PROJECT_SOURCE_DIR}/cmake/include" ${Python_INCLUDE_DIRS})
target_include_directories(xpu_event_torch_options INTERFACE "${PROJECT_SOURCE_DIR}/csrc")
target_compile_definitions(xpu_event_torch_options INTERFACE
  SYCL_COMPILER_VERSION=${XPU_EVENT_SYCL_COMPILER_VERSION} AT_PER_OPERATOR_HEADERS)
target_link_libraries(xpu_event_torch_options INTERFACE
  xpu_event_options PyTorch::headers SYCL::runtime)

# Parsing ATen, torch/library and SYCL takes most of a minute per source; one target parses them
# and the others reuse the result, which needs the same flags in all of them.
file(WRITE "${CMAKE_BINARY_DIR}/torch_pch.cpp" "")
add_library(torch_pch OBJECT "${CMAKE_BINARY_DIR}/torch_pch.cpp")
target_link_libraries(torch_pch PRIVATE xpu_event_torch_options)
target_precompile_headers(torch_pch PRIVATE "${PROJECT_SOURCE_DIR}/cmake/torch_pch.h")

function(xpu_event_use_torch_pch target)
  # A shared library would otherwise define <target>_EXPORTS and not match.
  set_target_properties(${target} PROPERTIES DEFINE_SYMBOL "")
  target_precompile_headers(${target} REUSE_FROM torch_pch)
endfunction()
