# How a built file gets into the package: in place or installed, and how it finds its libraries.

set(package_dir xpu_dynamo_event)

# From <prefix>/lib/python3.x/site-packages/xpu_dynamo_event[/lib], in that order: our own
# libraries, torch's, and the Intel runtime in <prefix>/lib.
set(package_rpath "$ORIGIN/lib" "$ORIGIN/../torch/lib" "$ORIGIN/../../..")
set(package_lib_rpath "$ORIGIN" "$ORIGIN/../../torch/lib" "$ORIGIN/../../../..")

function(xpu_event_place_in_package target subdir)
  if(subdir)
    set(destination "${package_dir}/${subdir}")
    set(rpath ${package_lib_rpath})
  else()
    set(destination "${package_dir}")
    set(rpath ${package_rpath})
  endif()
  if(XPU_EVENT_INPLACE)
    # Not CMake's own build RPATH: it is padded with an empty entry, the current directory.
    list(GET rpath 0 own_libraries)
    set(rpath "${own_libraries}" "${PyTorch_LIBRARY_DIR}" "${SYCLRuntime_LIBRARY_DIR}")
    set_target_properties(${target} PROPERTIES
      BUILD_WITH_INSTALL_RPATH ON
      LIBRARY_OUTPUT_DIRECTORY "${PROJECT_SOURCE_DIR}/${destination}")
  endif()
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "${rpath}")
  install(TARGETS ${target} LIBRARY DESTINATION ${destination} COMPONENT python)
endfunction()

# A Python extension module `xpu_dynamo_event.<name>`.
function(xpu_event_add_python_module name)
  Python_add_library(${name} MODULE WITH_SOABI ${ARGN})
  target_link_libraries(${name} PRIVATE xpu_event_torch_options PyTorch::python)
  xpu_event_place_in_package(${name} "")
endfunction()

# What this build fits, for the message when it is loaded beside something else
# (xpu_dynamo_event/runtime/native_modules.py).
function(xpu_event_write_build_facts)
  string(REGEX MATCH "^[0-9]+" SYCLRuntime_MAJOR "${SYCLRuntime_VERSION}")
  if(XPU_EVENT_INPLACE)
    set(directory "${PROJECT_SOURCE_DIR}/${package_dir}/lib")
  else()
    set(directory "${CMAKE_CURRENT_BINARY_DIR}")
  endif()
  configure_file("${PROJECT_SOURCE_DIR}/cmake/build_facts.json.in" "${directory}/build_facts.json"
                 @ONLY)
  install(FILES "${directory}/build_facts.json" DESTINATION "${package_dir}/lib" COMPONENT python)
endfunction()

# Assertions name their source. In a package they must not name folders of the machine that built it.
if(NOT XPU_EVENT_INPLACE)
  target_compile_options(xpu_event_options INTERFACE
    "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/="
    "-ffile-prefix-map=${PyTorch_ROOT}/="
    "-ffile-prefix-map=${SYCLRuntime_INCLUDE_DIR}/=")
endif()
