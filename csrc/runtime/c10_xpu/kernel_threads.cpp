#include "runtime/c10_xpu/kernel_threads.h"

#include <dlfcn.h>

namespace xpu_runtime {
namespace {

// The OpenMP library that torch brought, whatever its file is called: looked up through torch,
// because a second OpenMP library would have its own idea of the number of threads.
struct OpenMP {
  int (*get_max_threads)() = nullptr;
  void (*set_num_threads)(int) = nullptr;

  OpenMP() {
    void* torch = dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD);
    if (!torch) return;
    get_max_threads = reinterpret_cast<int (*)()>(dlsym(torch, "omp_get_max_threads"));
    set_num_threads = reinterpret_cast<void (*)(int)>(dlsym(torch, "omp_set_num_threads"));
  }
  [[nodiscard]] bool found() const { return get_max_threads && set_num_threads; }
};

const OpenMP& openmp() {
  static const OpenMP calls;
  return calls;
}

}  // namespace

SingleKernelThread::SingleKernelThread()
    : previous_(openmp().found() ? openmp().get_max_threads() : 1) {
  if (previous_ > 1) openmp().set_num_threads(1);
}

SingleKernelThread::~SingleKernelThread() {
  if (previous_ > 1) openmp().set_num_threads(previous_);
}

}  // namespace xpu_runtime
