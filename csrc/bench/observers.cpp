#include <ATen/record_function.h>

#include "bench/loops.h"

namespace xpu_bench {

double observers(std::size_t count) {
  std::size_t observed = 0;
  const double result = ns_per_call(count, [&] {
    observed += at::getStepCallbacksUnlessEmpty(at::RecordScope::FUNCTION).has_value();
  });
  return observed <= count ? result : 0;
}

}  // namespace xpu_bench
