#include "runtime/c10_xpu/kernel_threads.h"

#include <dlfcn.h>

#include <atomic>

namespace xpu_runtime {
namespace {

// The OpenMP library that torch brought. Looked up through torch, whatever the file is called,
// because a second OpenMP library would have its own idea of the number of threads.
struct OpenMP {
  int (*get_max_threads)() = nullptr;
  void (*set_num_threads)(int) = nullptr;
  // After torch.set_num_threads, MKL no longer asks OpenMP. Null without MKL.
  int (*set_mkl_threads)(int) = nullptr;

  OpenMP() {
    void* torch = dlopen("libtorch_cpu.so", RTLD_NOW | RTLD_NOLOAD);
    if (!torch) return;
    get_max_threads = reinterpret_cast<int (*)()>(dlsym(torch, "omp_get_max_threads"));
    set_num_threads = reinterpret_cast<void (*)(int)>(dlsym(torch, "omp_set_num_threads"));
    set_mkl_threads = reinterpret_cast<int (*)(int)>(dlsym(torch, "MKL_Set_Num_Threads_Local"));
  }
  [[nodiscard]] bool found() const { return get_max_threads && set_num_threads; }
};

const OpenMP& openmp() {
  static const OpenMP calls;
  return calls;
}

std::atomic<int> running{0};

// What a team has outside of tasks: OMP_NUM_THREADS, or the number of processors.
thread_local int members_outside = 1;

}  // namespace

SingleKernelThread::SingleKernelThread()
    : previous_(openmp().found() ? openmp().get_max_threads() : 1) {
  running.fetch_add(1, std::memory_order_relaxed);
  members_outside = previous_;
  if (previous_ > 1) openmp().set_num_threads(1);
  if (openmp().set_mkl_threads) previous_mkl_ = openmp().set_mkl_threads(1);
}

SingleKernelThread::~SingleKernelThread() {
  if (openmp().set_mkl_threads) openmp().set_mkl_threads(previous_mkl_);
  // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): without OpenMP previous_ is 1
  if (previous_ > 1) openmp().set_num_threads(previous_);
  running.fetch_sub(1, std::memory_order_relaxed);
}

int spare_threads() noexcept {
  return running.load(std::memory_order_relaxed) == 1 ? members_outside - 1 : 0;
}

}  // namespace xpu_runtime
