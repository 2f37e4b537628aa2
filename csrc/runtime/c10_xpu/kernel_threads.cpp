#include "runtime/c10_xpu/kernel_threads.h"

#include <atomic>

// Of the OpenMP library that torch brought, and of the MKL in torch, both found through torch: a
// second OpenMP library would have its own idea of the number of threads. Null without them.
extern "C" {
__attribute__((weak)) int omp_get_max_threads();
__attribute__((weak)) void omp_set_num_threads(int count);
// After torch.set_num_threads, MKL no longer asks OpenMP.
__attribute__((weak)) int MKL_Set_Num_Threads_Local(int count);
}

namespace xpu_runtime {
namespace {

std::atomic<int> running{0};

// What a team has outside of tasks: OMP_NUM_THREADS, or the number of processors.
thread_local int members_outside = 1;

}  // namespace

SingleKernelThread::SingleKernelThread()
    : previous_(omp_get_max_threads ? omp_get_max_threads() : 1) {
  running.fetch_add(1, std::memory_order_relaxed);
  members_outside = previous_;
  if (previous_ > 1) omp_set_num_threads(1);
  if (MKL_Set_Num_Threads_Local) previous_mkl_ = MKL_Set_Num_Threads_Local(1);
}

SingleKernelThread::~SingleKernelThread() {
  if (MKL_Set_Num_Threads_Local) MKL_Set_Num_Threads_Local(previous_mkl_);
  if (previous_ > 1) omp_set_num_threads(previous_);
  running.fetch_sub(1, std::memory_order_relaxed);
}

int spare_threads() noexcept {
  return running.load(std::memory_order_relaxed) == 1 ? members_outside - 1 : 0;
}

}  // namespace xpu_runtime
