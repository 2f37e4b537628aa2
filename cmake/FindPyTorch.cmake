#[[
Finds the torch that the building Python imports and defines

  PyTorch::headers  include directories and the ABI definitions
  PyTorch::torch    libtorch_cpu, libc10
  PyTorch::python   libtorch_python on top of it

Sets PyTorch_VERSION, PyTorch_LIBRARY_DIR and PyTorch_NEEDS_RUNTIME (ON for a torch without XPU).

Not torch's own TorchConfig.cmake: that one looks for Caffe2, CUDA and MKL of the machine torch
was built on, and links all of libtorch.
]]
execute_process(
  COMMAND ${Python_EXECUTABLE} "${CMAKE_CURRENT_LIST_DIR}/pytorch_facts.py"
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
  OUTPUT_VARIABLE pytorch_facts ERROR_VARIABLE pytorch_error
  RESULT_VARIABLE pytorch_result OUTPUT_STRIP_TRAILING_WHITESPACE)

set(pytorch_tried "\n    import torch in ${Python_EXECUTABLE}: ${pytorch_error}")
if(pytorch_result EQUAL 0)
  foreach(fact IN ITEMS ROOT VERSION CXX11_ABI HAS_XPU)
    string(REGEX MATCH "${fact}=([^\n]*)" matched "${pytorch_facts}")
    set(PyTorch_${fact} "${CMAKE_MATCH_1}")
  endforeach()
  set(PyTorch_INCLUDE_DIRS "${PyTorch_ROOT}/include"
      "${PyTorch_ROOT}/include/torch/csrc/api/include")
  set(PyTorch_LIBRARY_DIR "${PyTorch_ROOT}/lib")
  if(PyTorch_HAS_XPU)
    set(PyTorch_NEEDS_RUNTIME OFF)
  else()
    set(PyTorch_NEEDS_RUNTIME ON)
  endif()
  set(pytorch_tried "")
  set(pytorch_complete TRUE)
  foreach(file IN ITEMS include/ATen/ATen.h include/pybind11/pybind11.h lib/libc10.so
          lib/libtorch_cpu.so lib/libtorch_python.so)
    string(APPEND pytorch_tried "\n    ${PyTorch_ROOT}/${file}")
    if(NOT EXISTS "${PyTorch_ROOT}/${file}")
      string(APPEND pytorch_tried "  (missing)")
      set(pytorch_complete FALSE)
    endif()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(PyTorch
  REQUIRED_VARS PyTorch_ROOT pytorch_complete
  VERSION_VAR PyTorch_VERSION
  REASON_FAILURE_MESSAGE "No torch to build against was found.
  Tried:${pytorch_tried}
  torch is deliberately no build requirement, because an extension only works with the torch it
  was built for: install torch into this environment first, then build with
  `pip install --no-build-isolation`.
 ")

if(PyTorch_FOUND AND NOT TARGET PyTorch::headers)
  add_library(PyTorch::headers INTERFACE IMPORTED)
  target_include_directories(PyTorch::headers INTERFACE ${PyTorch_INCLUDE_DIRS})
  target_compile_definitions(PyTorch::headers INTERFACE
    _GLIBCXX_USE_CXX11_ABI=${PyTorch_CXX11_ABI})

  foreach(name IN ITEMS c10 torch_cpu torch_python)
    add_library(PyTorch::lib_${name} SHARED IMPORTED)
    set_target_properties(PyTorch::lib_${name} PROPERTIES
      IMPORTED_LOCATION "${PyTorch_LIBRARY_DIR}/lib${name}.so")
  endforeach()
  add_library(PyTorch::torch INTERFACE IMPORTED)
  target_link_libraries(PyTorch::torch INTERFACE
    PyTorch::headers PyTorch::lib_torch_cpu PyTorch::lib_c10)
  add_library(PyTorch::python INTERFACE IMPORTED)
  target_link_libraries(PyTorch::python INTERFACE PyTorch::torch PyTorch::lib_torch_python)
endif()
