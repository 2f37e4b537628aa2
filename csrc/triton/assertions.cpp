#include "triton/assertions.h"

#include <c10/util/Exception.h>

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <utility>

namespace xpu_triton {
namespace {

struct Failed {
  std::atomic<bool> any{false};
  std::mutex mutex;
  std::map<std::string, std::string> texts;  // the first of each kernel
};

Failed& failed() {
  static auto* instance = new Failed;  // kernels may run after static destruction has begun
  return *instance;
}

}  // namespace

void rethrow_assertion(const std::string& kernel) {
  auto& all = failed();
  if (!all.any.load(std::memory_order_acquire)) [[likely]]
    return;
  std::string text;
  {
    const std::lock_guard lock(all.mutex);
    const auto found = all.texts.find(kernel);
    if (found == all.texts.end()) return;
    text = std::move(found->second);
    all.texts.erase(found);
    all.any.store(!all.texts.empty(), std::memory_order_release);
  }
  TORCH_CHECK(false, "An assertion of the Triton kernel '", kernel, "' failed: ", text);
}

}  // namespace xpu_triton

// What a kernel calls in place of OpenCL's function, which ends the process
// (xpu_dynamo_event/triton/portable.py). Work items go on behind it.
extern "C" __attribute__((visibility("default"))) void xpu_triton_assertion_failed(
    const char* text, const char* file, int line, const char* kernel, std::size_t /*global_x*/,
    std::size_t /*global_y*/, std::size_t /*global_z*/, std::size_t /*local_x*/,
    std::size_t /*local_y*/, std::size_t /*local_z*/) {
  auto& all = xpu_triton::failed();
  const std::lock_guard lock(all.mutex);
  all.texts.try_emplace(kernel, std::string(text) + " (" + file + ":" + std::to_string(line) + ")");
  all.any.store(true, std::memory_order_release);
}
