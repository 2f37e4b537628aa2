#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>

namespace xpu_runtime {

/// A seed for the generator of one task, from an XPU generator or the default one of `device`.
///
/// The device's generator is asked for one number per call, in the order of the calls. So results
/// depend only on its seed and the issue order, not on what runs when on which stream.
[[nodiscard]] std::uint64_t draw_seed(const std::optional<at::Generator>& generator,
                                      c10::Device device);

/// A CPU generator that starts at a seed.
[[nodiscard]] at::Generator generator_from(std::uint64_t seed);

}  // namespace xpu_runtime
