#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>

#include <optional>

namespace xpu_runtime {

/// The default generator of a device (-1: the current one).
[[nodiscard]] const at::Generator& default_generator(c10::DeviceIndex device);

[[nodiscard]] at::Generator new_generator(c10::DeviceIndex device);

/// The generator for a CPU kernel that runs for `device`: the one inside the given XPU generator,
/// or inside the device's default generator, whose state it shares. Throws for a generator of
/// another device.
[[nodiscard]] at::Generator cpu_generator(const std::optional<at::Generator>& generator,
                                          c10::Device device);

}  // namespace xpu_runtime
