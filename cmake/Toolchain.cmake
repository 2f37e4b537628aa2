# Language level, optimisation, compiler cache: what holds for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
# -O2 as torch's own extensions: -O3 costs compile time and gains nothing in dispatch code.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

# Most of the time goes into headers of torch and SYCL, so sources share a translation unit.
option(CMAKE_UNITY_BUILD "Compile sources of a folder together" ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 6)

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    # ccache refuses files that use a precompiled header unless it is told to trust it.
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime
        ${CCACHE_PROGRAM})
  endif()
endif()

add_library(xpu_event_options INTERFACE)
target_compile_options(xpu_event_options INTERFACE -Wall -Wextra
  $<$<BOOL:${XPU_EVENT_WERROR}>:-Werror>
  $<$<BOOL:${CCACHE_PROGRAM}>:-fpch-preprocess>)
if(XPU_EVENT_SANITIZE)
  target_compile_options(xpu_event_options INTERFACE
    -fsanitize=${XPU_EVENT_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(xpu_event_options INTERFACE -fsanitize=${XPU_EVENT_SANITIZE})
endif()

# Compiles the sources that the target has so far a folder at a time.
function(xpu_event_unite_folders target)
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    cmake_path(GET source PARENT_PATH folder)
    set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${folder}")
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()
