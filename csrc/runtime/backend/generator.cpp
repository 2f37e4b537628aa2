#include "runtime/backend/generator.h"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/util/Exception.h>
#include <c10/xpu/XPUFunctions.h>

#include <mutex>
#include <vector>

#include "runtime/c10_xpu/device_pool.h"

namespace xpu_runtime {
namespace {

// Owns a CPU generator and delegates to it, because kernels run on the CPU and accept nothing else:
// a fallback then needs no copy of five kilobytes of state per random operator.
class Generator final : public c10::GeneratorImpl {
 public:
  Generator(c10::DeviceIndex device, at::Generator inner)
      : GeneratorImpl(c10::Device(c10::kXPU, device), c10::DispatchKeySet(c10::DispatchKey::XPU)),
        inner_(std::move(inner)) {}

  void set_current_seed(std::uint64_t seed) override {
    const std::lock_guard lock(inner_.mutex());
    inner_.set_current_seed(seed);
  }
  std::uint64_t current_seed() const override { return inner_.current_seed(); }
  std::uint64_t seed() override {
    const std::lock_guard lock(inner_.mutex());
    return inner_.seed();
  }
  void set_offset(std::uint64_t /*offset*/) override { throw_no_offset(); }
  std::uint64_t get_offset() const override { throw_no_offset(); }
  void set_state(const c10::TensorImpl& state) override {
    const std::lock_guard lock(inner_.mutex());
    inner_.unsafeGetGeneratorImpl()->set_state(state);
  }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    const std::lock_guard lock(inner_.mutex());
    return inner_.unsafeGetGeneratorImpl()->get_state();
  }

  [[nodiscard]] const at::Generator& inner() const noexcept { return inner_; }

 private:
  [[noreturn]] static void throw_no_offset() {
    TORCH_CHECK(false,
                "The generator of this XPU device has no offset: it is a Mersenne twister, like "
                "the CPU's. Use get_state() and set_state().");
  }

  Generator* clone_impl() const override {
    const std::lock_guard lock(inner_.mutex());
    return new Generator(device_.index(), inner_.clone());
  }

  mutable at::Generator inner_;  // for its mutex
};

}  // namespace

const at::Generator& default_generator(c10::DeviceIndex device) {
  static const auto* all = [] {
    auto* generators = new std::vector<at::Generator>;
    for (c10::DeviceIndex i = 0; i < c10::xpu::device_count_ensure_non_zero(); ++i)
      generators->push_back(new_generator(i));
    return generators;
  }();
  return (*all)[resolve(device)];
}

at::Generator new_generator(c10::DeviceIndex device) {
  return at::make_generator<Generator>(resolve(device),
                                       at::detail::createCPUGenerator(c10::default_rng_seed_val));
}

at::Generator cpu_generator(const std::optional<at::Generator>& generator, c10::Device device) {
  const bool is_given = generator && generator->defined();
  TORCH_CHECK(!is_given || generator->device().is_xpu(),
              "Expected a generator of an 'xpu' device, but found '", generator->device(),
              "'. Make it with torch.Generator(device='xpu').");
  const auto& chosen = is_given ? *generator : default_generator(device.index());
  return chosen.get<Generator>()->inner();
}

}  // namespace xpu_runtime
