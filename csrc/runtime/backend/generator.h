#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <optional>

namespace xpu_runtime {

/// The default generator of a device (-1: the current one).
[[nodiscard]] const at::Generator& default_generator(c10::DeviceIndex device);

[[nodiscard]] at::Generator new_generator(c10::DeviceIndex device);

/// The CPU generator inside an XPU generator, for CPU kernels; it shares its state.
[[nodiscard]] at::Generator cpu_generator(const at::Generator& generator);

/// The generator for a CPU kernel that runs for `device`: that of the given XPU generator, or of
/// the device's default generator. Throws for a generator of another device.
[[nodiscard]] at::Generator cpu_generator(const std::optional<at::Generator>& generator,
                                          c10::Device device);

}  // namespace xpu_runtime
