#pragma once

#include <memory>

#include <sycl/queue.hpp>

namespace xpu_event {

/// Holds back everything submitted to a queue after it, until released, destroyed, or the process
/// exits.
///
/// With a latch, "the stream has not got there yet" is certain and not a matter of timing. On
/// OpenCL it is a user event, which occupies no thread. Other backends have none; there a host task
/// waits on one of the SYCL runtime's threads. A host task holds what is submitted through SYCL,
/// and commands that go straight into the native queue pass it.
///
/// Example:
///   Latch latch(queue);
///   event.record(queue, 0);
///   assert(!event.query());
///   latch.release();
class Latch {
 public:
  enum class Gate {
    automatic,  ///< a user event where the backend has them
    host_task,  ///< works everywhere, at the price of a thread
  };

  /// Raises:
  ///   Error: when the gate cannot be made or submitted; the queue is then not held back.
  explicit Latch(sycl::queue& queue, Gate gate = Gate::automatic);

  /// Releases the queue.
  ~Latch();

  Latch(const Latch&) = delete;
  Latch& operator=(const Latch&) = delete;
  Latch(Latch&& other) noexcept;
  Latch& operator=(Latch&& other) noexcept;

  /// Lets the queue go on; does nothing the second time.
  void release() noexcept;

  /// Implementation: what holds the queue, and lets it go when destroyed.
  class Hold {
   public:
    virtual ~Hold() = default;
  };

 private:
  std::unique_ptr<Hold> hold_;
};

}  // namespace xpu_event
