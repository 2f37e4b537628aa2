#pragma once

#include <c10/core/Device.h>
#include <c10/macros/Macros.h>
#include <c10/xpu/XPUStream.h>

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/c10_xpu/order_log.h"

/// Asynchronous host work on a stream: in order with everything else submitted to that stream.
///
/// A task runs on a runtime thread, or on a thread that waits for the stream, with clean dispatch
/// state: no autograd, no autocast, no dispatch modes, OpenMP teams of one. It must not touch
/// Python. An exception it throws is kept with the stream and rethrown by the next
/// synchronisation of the stream, of its device, or of an event recorded on the stream later.
namespace xpu_runtime {

/// A unit of work and the name under which the trace shows it.
class Task {
 public:
  /// Args:
  ///   name: outlives the task, usually a string literal. Null keeps the task out of the trace.
  ///   accesses: the memory it touches, when the order log is on.
  explicit Task(const char* name, order_log::Accesses accesses = {}) noexcept
      : accesses(std::move(accesses)), name_(name) {}
  C10_DISABLE_COPY_AND_ASSIGN(Task);
  virtual ~Task() = default;

  virtual void run() = 0;
  [[nodiscard]] const char* name() const noexcept { return name_; }

  order_log::Accesses accesses;

 private:
  const char* name_;
};

/// Submits a task to a stream and returns at once; throws if the runtime refuses it.
C10_EXPORT void submit(const c10::xpu::XPUStream& stream, std::unique_ptr<Task> task);

/// Runs `f()` asynchronously on `stream`. `f` is moved or copied and destroyed after it ran.
template <class F>
void enqueue(const c10::xpu::XPUStream& stream, const char* name, F&& f,
             order_log::Accesses accesses = {}) {
  struct FunctionTask final : Task {
    FunctionTask(const char* name, F&& f, order_log::Accesses accesses)
        : Task(name, std::move(accesses)), function(std::forward<F>(f)) {}
    void run() override { function(); }
    std::decay_t<F> function;
  };
  submit(stream, std::make_unique<FunctionTask>(name, std::forward<F>(f), std::move(accesses)));
}

/// Waits for all work of a stream, then rethrows the first error kept for it. Holds no lock and
/// not the GIL while it waits.
C10_EXPORT void synchronize(const c10::xpu::XPUStream& stream);

/// The same for all streams of a device (-1: the current one), external streams included.
C10_EXPORT void synchronize(c10::DeviceIndex device);

/// Whether all work submitted to the stream so far is complete. Never blocks.
[[nodiscard]] C10_EXPORT bool is_idle(const c10::xpu::XPUStream& stream);

/// Rethrows the first error of the stream's first `tasks` tasks, if any; each error is reported
/// once.
C10_EXPORT void rethrow(const c10::xpu::XPUStream& stream, std::uint64_t tasks);

struct StreamState;

/// Brackets a submission to the queue of a stream through SYCL, so that another thread may ask at
/// the same time whether the stream is idle. Meanwhile that thread does not ask the queue, because
/// it would read the last event of the queue, which the submission replaces.
class C10_EXPORT Submission {
 public:
  explicit Submission(const c10::xpu::XPUStream& stream);
  explicit Submission(StreamState& state) noexcept;
  C10_DISABLE_COPY_AND_ASSIGN(Submission);
  ~Submission();

  [[nodiscard]] sycl::queue& queue() const noexcept;
  /// How many tasks the stream was given so far.
  [[nodiscard]] std::uint64_t tasks() const noexcept;

 private:
  StreamState& state_;
};

}  // namespace xpu_runtime

/// For generated code: memory that a kernel touches. `bytes` is -1 where they are not known.
struct XpuRuntimeAccess {
  const void* address;
  std::int64_t bytes;
  bool is_write;
};

/// For generated code: enqueues `run(arg)` on the current stream. `name` must stay valid.
extern "C" C10_EXPORT void xpu_runtime_enqueue(void (*run)(void*), void* arg, const char* name,
                                               const XpuRuntimeAccess* accesses, std::size_t count);
