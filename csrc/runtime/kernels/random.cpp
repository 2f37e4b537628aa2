#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/DeviceGuard.h>

#include <cmath>
#include <mutex>

#include "runtime/backend/generator.h"
#include "runtime/kernels/kernel.h"
#include "runtime/kernels/shape_function.h"
#include "runtime/kernels/tables.h"

// Random operators. The device's generator is asked for one number per call, in the order of the
// calls; the task runs a generator of its own that starts there. So results depend on the seed and
// the order of issue only, whatever runs when on which stream.
namespace xpu_runtime::kernels {
namespace {

using at::Tensor;

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

bool in_place_ready(const Tensor& self, Dtypes types) {
  return OverwriteShape::is_writable(self) && types.holds(self.scalar_type());
}

/// `Op` fills its first argument from two parameters.
template <class Op>
struct Distribution {
  using schema = Tensor&(Tensor&, double, double, Seed);
  static Tensor& redispatch(c10::DispatchKeySet keys, Tensor& self, double a, double b, Seed seed) {
    return Op::redispatch(keys, self, a, b, seed.generator());
  }
};

struct Bernoulli {
  using schema = Tensor&(Tensor&, double, Seed);
  static Tensor& redispatch(c10::DispatchKeySet keys, Tensor& self, double p, Seed seed) {
    return ops::bernoulli__float::redispatch(keys, self, p, seed.generator());
  }
};

struct Dropout {
  using schema = void(const Tensor&, double, Seed, Tensor&, Tensor&);
  static void redispatch(c10::DispatchKeySet keys, const Tensor& input, double p, Seed seed,
                         Tensor& output, Tensor& mask) {
    const double keep = 1 - p;
    ops::bernoulli__float::redispatch(keys, mask, keep, seed.generator());
    ops::mul_out::redispatch(keys, input, mask, output);
    output.mul_(keep == 0 ? 0 : 1 / keep);
  }
};

Tensor& uniform(Tensor& self, double from, double to, std::optional<at::Generator> generator) {
  // Within the range of every dtype; the CPU kernel judges the rest.
  constexpr double limit = 6e4;
  if (!in_place_ready(self, kFloating) ||
      !(from <= to && std::abs(from) < limit && std::abs(to) < limit)) {
    return Fallback<ops::uniform_>::call(self, from, to, generator);
  }
  const c10::DeviceGuard guard(self.device());
  launch<Distribution<ops::uniform_>>(ops::uniform_::name, self, from, to,
                                      Seed::draw(self.device(), generator));
  return self;
}

Tensor& normal(Tensor& self, double mean, double std, std::optional<at::Generator> generator) {
  if (!in_place_ready(self, kFloating) || !(std >= 0)) {
    return Fallback<ops::normal_>::call(self, mean, std, generator);
  }
  const c10::DeviceGuard guard(self.device());
  launch<Distribution<ops::normal_>>(ops::normal_::name, self, mean, std,
                                     Seed::draw(self.device(), generator));
  return self;
}

Tensor& bernoulli(Tensor& self, double p, std::optional<at::Generator> generator) {
  if (!in_place_ready(self, kAll) || !(p >= 0 && p <= 1)) {
    return Fallback<ops::bernoulli__float>::call(self, p, generator);
  }
  const c10::DeviceGuard guard(self.device());
  launch<Bernoulli>(ops::bernoulli__float::name, self, p, Seed::draw(self.device(), generator));
  return self;
}

struct DropoutShape : ShapeFunction {
  void meta(const Tensor& input) {
    place_like(0, input);
    const auto& output = maybe_get_output(0);
    set_output_raw_strided(1, output.sizes(), output.strides(), output.options().dtype(at::kBool));
  }
};

std::tuple<Tensor, Tensor> dropout(const Tensor& input, double p, std::optional<bool> train) {
  const bool ready = input.numel() > 0 && kFloating.holds(input.scalar_type());
  if (!ready || !train.value_or(true) || !(p >= 0 && p <= 1)) {
    return Fallback<ops::native_dropout>::call(input, p, train);
  }
  const c10::DeviceGuard guard(input.device());
  Shape<DropoutShape, Output::allocate, 2> shape;
  shape.meta(input);
  auto& [output, mask] = shape.outputs();
  launch<Dropout>(ops::native_dropout::name, input, p, Seed::draw(input.device()), output, mask);
  return {std::move(output), std::move(mask)};
}

}  // namespace

void random_kernels(torch::Library& library) {
  library.impl("uniform_", &uniform);
  library.impl("normal_", &normal);
  library.impl("bernoulli_.float", &bernoulli);
  library.impl("native_dropout", &dropout);
  kernel<BinaryShape, Gate(kFloating, kBool), Internal<ops::native_dropout_backward_out>,
         ops::native_dropout_backward>(library);
}

}  // namespace xpu_runtime::kernels
