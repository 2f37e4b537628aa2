#include "runtime/autograd_engine.h"

#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/csrc/autograd/engine.h>

namespace xpu_runtime {
namespace {

// The way to the protected members, for which there is no public one.
struct EngineAccess : torch::autograd::Engine {
  static bool has_started(Engine& engine) {
    return (engine.*&EngineAccess::thread_pool_shared_) != nullptr;
  }
  static std::size_t device_threads(Engine& engine) {
    return (engine.*&EngineAccess::device_ready_queues_).size();
  }
  static void start(Engine& engine) { (engine.*&EngineAccess::start_device_threads)(); }
};

}  // namespace

void ensure_autograd_threads() {
  auto& engine = torch::autograd::Engine::get_default_engine();
  if (!EngineAccess::has_started(engine)) return;
  const auto threads = EngineAccess::device_threads(engine);
  if (threads >= static_cast<std::size_t>(c10::xpu::device_count())) return;
  TORCH_CHECK(threads == 0,
              "A backward has run before the xpu device was set up, and torch's "
              "autograd engine has ",
              threads, " device threads for ", static_cast<int>(c10::xpu::device_count()),
              " devices. Import xpu_dynamo_event before the first backward.");
  EngineAccess::start(engine);
}

}  // namespace xpu_runtime
