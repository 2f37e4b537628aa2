#pragma once

#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace xpu_runtime {

/// A scope with the dispatch state of a fresh thread, below autograd.
///
/// CPU kernels that do the device's work must not see what the calling thread has switched on:
/// autograd, autocast, dispatch modes, functorch. Nor do they belong to what a profiler has to say
/// of the program: it would count them a second time.
struct CleanDispatch : c10::impl::ForceDispatchKeyGuard, at::DisableRecordFunctionGuard {
  CleanDispatch()
      : ForceDispatchKeyGuard(
            c10::default_included_set,
            c10::default_excluded_set | c10::autograd_dispatch_keyset_with_ADInplaceOrView) {}
};

}  // namespace xpu_runtime
