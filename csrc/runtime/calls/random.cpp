#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ExpandUtils.h>
#include <ATen/MemoryOverlap.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/bernoulli_ops.h>
#include <ATen/ops/mul_ops.h>
#include <ATen/ops/native_dropout_ops.h>
#include <ATen/ops/normal_ops.h>
#include <ATen/ops/uniform_ops.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <cmath>
#include <mutex>

#include "runtime/backend/generator.h"
#include "runtime/c10_xpu/task_queue.h"
#include "runtime/calls/cpu_keys.h"
#include "runtime/calls/fallback.h"
#include "runtime/tensors/accesses.h"
#include "runtime/tensors/alias.h"
#include "runtime/tensors/factories.h"

// Random operators. The device's generator is asked for one number per call, in the order of the
// calls, and the task runs a separate generator that starts there. So results depend only on the
// seed and the issue order, not on what runs when on which stream.
namespace xpu_runtime {
namespace {

using at::Tensor;
namespace ops = at::_ops;

/// Where the generator of one task starts.
struct Seed {
  std::uint64_t value;

  static Seed draw(c10::Device device, const std::optional<at::Generator>& generator = {}) {
    auto parent = cpu_generator(generator, device);
    const std::lock_guard lock(parent.mutex());
    return {parent.get<at::CPUGeneratorImpl>()->random64()};
  }

  /// Fills the whole state: seeding the engine itself would keep 32 bits only.
  [[nodiscard]] at::Generator generator() const {
    at::mt19937_data_pod data{value, /*left_=*/1, /*seeded_=*/true, /*next_=*/0, {}};
    std::uint64_t state = value;
    for (auto& word : data.state_) {
      word = static_cast<std::uint32_t>(splitmix64(state) >> 32U);
    }
    at::mt19937 engine;
    engine.set_data(data);
    auto result = at::make_generator<at::CPUGeneratorImpl>(value);
    result.get<at::CPUGeneratorImpl>()->set_engine(engine);
    return result;
  }

 private:
  static std::uint64_t splitmix64(std::uint64_t& state) {
    std::uint64_t mixed = state += 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
  }
};

bool is_plain(c10::ScalarType type) { return !c10::isComplexType(type) && !c10::isQIntType(type); }

// Whether no two elements share a place.
bool is_writable(const Tensor& self) {
  return self.is_xpu() && at::has_internal_overlap(self) == at::MemOverlap::No;
}

template <class Op>
using Fallback = at::native::call_fallback_fn_symint<&cpu_fallback, Op>;

/// Makes `fill(alias, generator)` overwrite `self` in a task.
template <class Fill>
Tensor& overwrite(const char* name, Tensor& self, Seed seed, Fill fill) {
  const c10::DeviceGuard guard(self.device());
  order_log::Accesses accesses;
  if (order_log::enabled()) order_log::add_access(accesses, self, /*is_write=*/true);
  enqueue(
      name, [alias = cpu_alias(self), seed, fill]() mutable { fill(alias, seed.generator()); },
      std::move(accesses));
  return self;
}

Tensor& uniform(Tensor& self, double from, double to, std::optional<at::Generator> generator) {
  // Within the range of every dtype; the CPU kernel judges the rest.
  constexpr double limit = 6e4;
  if (!is_writable(self) || !self.is_floating_point() ||
      !(from <= to && std::abs(from) < limit && std::abs(to) < limit))
    return Fallback<ops::uniform_>::call(self, from, to, generator);
  return overwrite(ops::uniform_::name, self, Seed::draw(self.device(), generator),
                   [=](Tensor& alias, const at::Generator& own) {
                     ops::uniform_::redispatch(kCpuKeys, alias, from, to, own);
                   });
}

Tensor& normal(Tensor& self, double mean, double std, std::optional<at::Generator> generator) {
  if (!is_writable(self) || !self.is_floating_point() || !(std >= 0))
    return Fallback<ops::normal_>::call(self, mean, std, generator);
  return overwrite(ops::normal_::name, self, Seed::draw(self.device(), generator),
                   [=](Tensor& alias, const at::Generator& own) {
                     ops::normal_::redispatch(kCpuKeys, alias, mean, std, own);
                   });
}

Tensor& bernoulli(Tensor& self, double p, std::optional<at::Generator> generator) {
  if (!is_writable(self) || !is_plain(self.scalar_type()) || !(p >= 0 && p <= 1))
    return Fallback<ops::bernoulli__float>::call(self, p, generator);
  return overwrite(ops::bernoulli__float::name, self, Seed::draw(self.device(), generator),
                   [=](Tensor& alias, const at::Generator& own) {
                     ops::bernoulli__float::redispatch(kCpuKeys, alias, p, own);
                   });
}

std::tuple<Tensor, Tensor> dropout(const Tensor& input, double p, std::optional<bool> train) {
  const bool ready = input.numel() > 0 && input.is_floating_point();
  if (!ready || !train.value_or(true) || !(p >= 0 && p <= 1))
    return Fallback<ops::native_dropout>::call(input, p, train);
  const c10::DeviceGuard guard(input.device());
  const auto strides = input.is_non_overlapping_and_dense()
                           ? input.strides().vec()
                           : at::infer_dense_strides(input.sizes(), input.strides());
  auto output = empty_strided(input.sizes(), strides, input.scalar_type(), input.device());
  auto mask = empty_strided(input.sizes(), strides, at::kBool, input.device());
  order_log::Accesses accesses;
  if (order_log::enabled()) {
    order_log::add_access(accesses, input, /*is_write=*/false);
    order_log::add_access(accesses, output, /*is_write=*/true);
    order_log::add_access(accesses, mask, /*is_write=*/true);
  }
  enqueue(
      ops::native_dropout::name,
      [p, seed = Seed::draw(input.device()), from = cpu_alias(input), to = cpu_alias(output),
       kept = cpu_alias(mask)]() mutable {
        const double keep = 1 - p;
        ops::bernoulli__float::redispatch(kCpuKeys, kept, keep, seed.generator());
        ops::mul_out::redispatch(kCpuKeys, from, kept, to);
        to.mul_(keep == 0 ? 0 : 1 / keep);
      },
      std::move(accesses));
  return {std::move(output), std::move(mask)};
}

}  // namespace

TORCH_LIBRARY_IMPL(aten, XPU, m) {
  m.impl("uniform_", &uniform);
  m.impl("normal_", &normal);
  m.impl("bernoulli_.float", &bernoulli);
  m.impl("native_dropout", &dropout);
}

}  // namespace xpu_runtime
