#include <thread>

#include "bench/loops.h"

namespace xpu_bench {
namespace {

double sum(std::size_t count) {
  volatile double result = 0;
  return ns_per_call(count, [&] { result = result + 1.0; }) * static_cast<double>(count);
}

}  // namespace

Cores cores(std::size_t count) {
  Cores result{sum(count), 0};
  result.two_ns = ns_per_call(1, [count] {
    std::thread other([count] { sum(count); });
    sum(count);
    other.join();
  });
  return result;
}

}  // namespace xpu_bench
