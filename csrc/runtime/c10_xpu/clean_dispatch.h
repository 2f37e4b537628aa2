#pragma once

#include <c10/core/impl/LocalDispatchKeySet.h>

namespace xpu_runtime {

/// A scope with the dispatch state of a fresh thread, below autograd.
///
/// CPU kernels that do the device's work must not see what the calling thread has switched on:
/// autograd, autocast, dispatch modes, functorch.
class CleanDispatch {
 public:
  CleanDispatch()
      : guard_(c10::default_included_set,
               c10::default_excluded_set | c10::autograd_dispatch_keyset_with_ADInplaceOrView) {}

 private:
  c10::impl::ForceDispatchKeyGuard guard_;
};

}  // namespace xpu_runtime
