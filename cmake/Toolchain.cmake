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

# Compiling is mostly parsing headers of torch and SYCL, so sources share translation units. More
# of them in one would make the build faster, and an edit slower: its whole unit is compiled again.
option(CMAKE_UNITY_BUILD "Compile several sources of a target at once" ON)
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  endif()
endif()

add_library(xpu_event_options INTERFACE)
target_compile_options(xpu_event_options INTERFACE -Wall -Wextra
  $<$<BOOL:${XPU_EVENT_WERROR}>:-Werror>)
if(XPU_EVENT_SANITIZE)
  target_compile_options(xpu_event_options INTERFACE
    -fsanitize=${XPU_EVENT_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(xpu_event_options INTERFACE -fsanitize=${XPU_EVENT_SANITIZE})
endif()

# What leaves this machine has to load on older ones: with symbols that glibc 2.28 has.
if(XPU_EVENT_INPLACE)
  set(portable_by_default OFF)
else()
  set(portable_by_default ON)
endif()
option(XPU_EVENT_PORTABLE "Build for every Linux with glibc 2.28 (manylinux_2_28)"
       ${portable_by_default})
if(XPU_EVENT_PORTABLE)
  target_include_directories(xpu_event_options BEFORE INTERFACE
    "${PROJECT_SOURCE_DIR}/cmake/portable")
  target_compile_options(xpu_event_options INTERFACE "SHELL:-include oldest_symbols.h")
endif()
