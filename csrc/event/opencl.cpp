#include "event/opencl.h"

#include <dlfcn.h>

#include <string>

#include "event/error.h"

namespace xpu_event {
namespace {

// Kept for the life of the process: the functions looked up in it are.
void* opencl_library() {
  static void* const library = dlopen("libOpenCL.so.1", RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
  return library;
}

}  // namespace

void* find_opencl_symbol(const char* name) {
  void* const library = opencl_library();
  if (library == nullptr) {
    throw Error(std::string("XPU event: ") + name +
                " is not available: the SYCL runtime has not loaded libOpenCL.so.1. "
                "Use a queue of an OpenCL device.");
  }
  void* const symbol = dlsym(library, name);
  if (symbol == nullptr) {
    throw Error(std::string("XPU event: libOpenCL.so.1 has no ") + name +
                ". OpenCL 1.1 or later is needed.");
  }
  return symbol;
}

}  // namespace xpu_event
