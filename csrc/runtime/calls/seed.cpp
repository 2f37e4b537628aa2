#include "runtime/calls/seed.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/native_dropout_native.h>
#include <torch/library.h>

#include <mutex>
#include <random>

#include "runtime/backend/generator.h"

namespace xpu_runtime {

std::uint64_t draw_seed(const std::optional<at::Generator>& generator, c10::Device device) {
  auto parent = cpu_generator(generator, device);
  const std::lock_guard lock(parent.mutex());
  return parent.get<at::CPUGeneratorImpl>()->random64();
}

// Fills the whole state: seeding the engine itself would keep 32 bits only.
at::Generator generator_from(std::uint64_t seed) {
  at::mt19937_data_pod data{seed, /*left_=*/1, /*seeded_=*/true, /*next_=*/0, {}};
  std::seed_seq{seed >> 32U, seed}.generate(data.state_.begin(), data.state_.end());
  at::mt19937 engine;
  engine.set_data(data);
  auto result = at::make_generator<at::CPUGeneratorImpl>(seed);
  result.get<at::CPUGeneratorImpl>()->set_engine(engine);
  return result;
}

// It takes no generator, so the boxed kernel would not know that it draws. This is in terms of
// operators that do.
TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("native_dropout", TORCH_FN(at::native::native_dropout_cpu));
}

}  // namespace xpu_runtime
