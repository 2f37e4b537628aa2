#pragma once

#include <string>

/// Assertions of kernels (tl.device_assert) that failed.
namespace xpu_triton {

/// Throws if an assertion of a kernel of that name has failed since the last call; names it.
void rethrow_assertion(const std::string& kernel);

}  // namespace xpu_triton
