#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>

namespace xpu_runtime {

/// Where the generator of one task starts.
///
/// The device's generator is asked for one number per call, in the order of the calls, and the task
/// runs a separate generator that starts there. So results depend only on the seed and the issue
/// order, not on what runs when on which stream.
class Seed {
 public:
  /// Draws from an XPU generator, or from the default one of `device`.
  [[nodiscard]] static Seed draw(const std::optional<at::Generator>& generator, c10::Device device);

  /// A CPU generator that starts here.
  [[nodiscard]] at::Generator generator() const;

 private:
  explicit Seed(std::uint64_t value) : value_(value) {}
  std::uint64_t value_;
};

}  // namespace xpu_runtime
