#include "runtime/backend/autograd_engine.h"

#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>
#include <torch/csrc/autograd/engine.h>

#include "runtime/c10_xpu/fork.h"

namespace xpu_runtime {
namespace {

// Gives access to protected members that have no public accessor.
struct EngineAccess : torch::autograd::Engine {
  static bool has_started(Engine& engine) {
    return (engine.*&EngineAccess::thread_pool_shared_) != nullptr;
  }
  static std::size_t device_threads(Engine& engine) {
    return (engine.*&EngineAccess::device_ready_queues_).size();
  }
  static void start(Engine& engine) { (engine.*&EngineAccess::start_device_threads)(); }
};

struct Nothing final : torch::autograd::Node {
  torch::autograd::variable_list apply(torch::autograd::variable_list&& /*inputs*/) override {
    return {};
  }
};

// A device thread takes a task only once it has released the previous one.
void run_nothing(torch::autograd::Engine& engine, c10::DeviceIndex device) {
  const auto nothing = c10::make_intrusive<Nothing>();
  const auto input = at::empty({0}, at::TensorOptions().device(c10::kXPU, device));
  nothing->add_input_metadata(input);
  engine.execute({{nothing, 0}}, {input}, /*keep_graph=*/false, /*create_graph=*/false,
                 /*accumulate_grad=*/true);
}

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

void finish_autograd_threads() noexcept {
  if (in_bad_fork()) return;
  auto& engine = torch::autograd::Engine::get_default_engine();
  if (!EngineAccess::has_started(engine)) return;
  try {
    for (std::size_t device = 0; device < EngineAccess::device_threads(engine); ++device) {
      run_nothing(engine, static_cast<c10::DeviceIndex>(device));
    }
  } catch (const std::exception&) {
    // Compiled autograd refuses nodes it does not know; the process ends as it would without us.
  }
}

}  // namespace xpu_runtime
