#[[
Finds the SYCL headers and libsycl that the building Python environment carries (the
`intel-sycl-rt` wheel, or a oneAPI installation) and defines `SYCL::runtime`.

SYCL_ROOT (variable or environment) is looked at first. Sets SYCLRuntime_INCLUDE_DIR,
SYCLRuntime_LIBRARY, SYCLRuntime_LIBRARY_DIR.
]]
execute_process(
  COMMAND ${Python_EXECUTABLE} -c
    "import site, sys; print(';'.join(dict.fromkeys([sys.prefix, sys.base_prefix, site.getuserbase()])))"
  WORKING_DIRECTORY ${CMAKE_BINARY_DIR}
  OUTPUT_VARIABLE python_prefixes OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)

set(sycl_prefixes ${SYCL_ROOT} $ENV{SYCL_ROOT} ${python_prefixes} $ENV{CMPLR_ROOT}
    $ENV{CONDA_PREFIX} /opt/intel/oneapi/compiler/latest)
list(REMOVE_DUPLICATES sycl_prefixes)

# One prefix must give both: headers of one release with the library of another do not link.
set(sycl_tried "")
foreach(prefix IN LISTS sycl_prefixes)
  set(header "${prefix}/include/sycl/sycl.hpp")
  set(library "${prefix}/lib/libsycl.so")
  string(APPEND sycl_tried "\n    ${header}\n    ${library}")
  if(EXISTS "${header}" AND EXISTS "${library}")
    set(SYCLRuntime_INCLUDE_DIR "${prefix}/include")
    set(SYCLRuntime_LIBRARY "${library}")
    set(SYCLRuntime_LIBRARY_DIR "${prefix}/lib")
    break()
  endif()
endforeach()

if(SYCLRuntime_INCLUDE_DIR)
  file(STRINGS "${SYCLRuntime_INCLUDE_DIR}/sycl/version.hpp" sycl_version_lines
       REGEX "__LIBSYCL_(MAJOR|MINOR|PATCH)_VERSION [0-9]+")
  string(REGEX MATCHALL "[0-9]+" sycl_version_parts "${sycl_version_lines}")
  list(JOIN sycl_version_parts "." SYCLRuntime_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SYCLRuntime
  REQUIRED_VARS SYCLRuntime_LIBRARY SYCLRuntime_INCLUDE_DIR
  VERSION_VAR SYCLRuntime_VERSION
  REASON_FAILURE_MESSAGE "No SYCL headers and library were found together.
  Tried, for ${Python_EXECUTABLE}:${sycl_tried}
  Install them into this environment (`pip install intel-sycl-rt intel-opencl-rt`), or pass
  -DSYCL_ROOT=<prefix that holds include/sycl and lib/libsycl.so>.
 ")

if(SYCLRuntime_FOUND AND NOT TARGET SYCL::runtime)
  add_library(SYCL::runtime SHARED IMPORTED)
  set_target_properties(SYCL::runtime PROPERTIES
    IMPORTED_LOCATION "${SYCLRuntime_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${SYCLRuntime_INCLUDE_DIR}"
    # Else CL/cl.h, which comes with the SYCL headers, prints a note in every source.
    INTERFACE_COMPILE_DEFINITIONS CL_TARGET_OPENCL_VERSION=300)
endif()
