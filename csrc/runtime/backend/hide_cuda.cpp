#include "runtime/backend/hide_cuda.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>

#include <memory>
#include <new>

namespace xpu_runtime {

// The hooks of a CUDA build (ATen/cuda/detail/CUDAHooks.h) have nothing but a vtable pointer, so
// the ones that a build for the processor uses can be constructed in their place.
void hide_cuda() {
  static_assert(sizeof(at::CUDAHooksInterface) == sizeof(void*));
  auto& hooks = const_cast<at::CUDAHooksInterface&>(at::detail::getCUDAHooks());
  if (!hooks.isBuilt()) return;
  TORCH_CHECK(!hooks.hasCUDA(), "CUDA cannot be hidden: this process has ", hooks.getNumGPUs(),
              " CUDA device(s). Start it with CUDA_VISIBLE_DEVICES= (empty) as well.");
  std::destroy_at(&hooks);
  new (&hooks) at::CUDAHooksInterface();
}

}  // namespace xpu_runtime
