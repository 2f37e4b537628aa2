#pragma once

#include <c10/core/thread_pool.h>
#include <c10/util/Synchronized.h>
#include <c10/xpu/XPUStream.h>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include <exception>
#include <memory>

namespace xpu_runtime {

/// What carries out the collectives of a process group on the memory of one device.
///
/// It has separate connections, because gloo matches the collectives of its ranks by the order in
/// which they are *started*. Those of a device start when their stream gets there, those on the CPU
/// at once, so two ranks may see the two in different orders.
class DeviceGroup {
 public:
  /// The one for `group` on `device`; made by the first call, which all ranks have to make.
  [[nodiscard]] static std::shared_ptr<DeviceGroup> of(
      const c10::intrusive_ptr<c10d::ProcessGroup>& group, c10::DeviceIndex device);

  DeviceGroup(c10d::ProcessGroup& group, c10::DeviceIndex device);

  /// Keeps the first error of its collectives. A group that failed once is of no more use: its
  /// ranks no longer agree on what they have done.
  void keep_error(std::exception_ptr error);
  void rethrow_error() const;

  /// A process group whose CPU backend carries them out.
  const c10::intrusive_ptr<c10d::ProcessGroup> on_cpu;
  /// So that its collectives start in the order in which the program issues them, which is the same
  /// on every rank.
  const c10::xpu::XPUStream stream;
  /// For what waits for other ranks. One thread: the stream has them start one after another.
  c10::ThreadPool thread{1};

 private:
  c10::Synchronized<std::exception_ptr> error_;
};

}  // namespace xpu_runtime
