#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include <sycl/event.hpp>
#include <sycl/ext/oneapi/weak_object.hpp>
#include <sycl/queue.hpp>

namespace xpu_event {

/// A point in a SYCL queue, with the semantics of `torch.cuda.Event`.
///
/// Nothing is created before the first `record`, which also pins the device. Every const member,
/// and `record`, may be called from several threads at once: each call works on one recording as
/// a whole, the one before or the one after a concurrent `record`. Destroying, moving from and
/// assigning to an event need, as usual, that no other thread is using it.
///
/// An `XPUEvent*` is also a valid `sycl::event*` once recorded: the `sycl::event` comes first.
class XPUEvent {
 public:
  explicit XPUEvent(bool enable_timing = false) noexcept;

  /// Never throws and never waits, also with the recording still pending.
  ~XPUEvent();

  XPUEvent(const XPUEvent&) = delete;
  XPUEvent& operator=(const XPUEvent&) = delete;

  /// The source is left as if never recorded.
  XPUEvent(XPUEvent&& other) noexcept;
  XPUEvent& operator=(XPUEvent&& other) noexcept;

  /// Moves the event to the end of what `queue` has been given so far.
  ///
  /// Args:
  ///   queue: in order; with `enable_timing` it needs profiling, or a device with profiling tags.
  ///   device_index: the device of `queue`; the first recording pins it.
  ///
  /// Raises:
  ///   Error: another device than the pinned one, a queue that cannot be timed, or a failed
  ///     submission. The event is then as it was before.
  void record(sycl::queue& queue, int device_index);

  /// Takes over `event`, which was recorded elsewhere, as if by a `record` on an unknown queue.
  ///
  /// Raises:
  ///   Error: another device than the pinned one.
  void adopt(const sycl::event& event, int device_index);

  /// Makes later work of `queue` run after the event, without blocking the host.
  ///
  /// Returns:
  ///   Whether that took a submission. It takes none if the event was never recorded, is complete,
  ///   or was recorded on that same in-order queue.
  bool wait(sycl::queue& queue) const;

  /// The event that wait() would make `queue` wait for; nothing if it would submit nothing.
  [[nodiscard]] std::optional<sycl::event> pending_for(const sycl::queue& queue) const;

  /// Whether the recorded point is reached, or was never set.
  ///
  /// Raises:
  ///   Error: when recorded into a command graph; same for `synchronize` and `elapsed_ms`.
  [[nodiscard]] bool query() const;

  /// Blocks the host until `query()` is true for the recording at the time of the call.
  void synchronize() const;

  /// Milliseconds from `start` to `end`.
  ///
  /// Raises:
  ///   Error: without `enable_timing`, not recorded, not complete, or on different devices.
  [[nodiscard]] static double elapsed_ms(const XPUEvent& start, const XPUEvent& end);

  /// Whether the event has been recorded.
  [[nodiscard]] bool created() const noexcept;
  [[nodiscard]] bool enable_timing() const noexcept;
  /// The device pinned by the first recording; -1 before.
  [[nodiscard]] int device_index() const noexcept;
  /// The native event, at an address that stays the same over re-recording. Only once `created()`,
  /// and not while another thread records.
  [[nodiscard]] const sycl::event& sycl_event() const noexcept;
  /// A copy of the native event, also while another thread records; a complete one before the first
  /// recording.
  [[nodiscard]] sycl::event share() const;

 private:
  enum class State : unsigned char {
    never_recorded,
    pending,  ///< or complete, and nobody has asked yet
    complete,
    captured,  ///< recorded into a command graph: a node, which never happens by itself
  };

  /// One recording, copied out so that no lock is held while SYCL works on it.
  struct Recording {
    sycl::event event;
    sycl::ext::oneapi::weak_object<sycl::queue> queue;
    int device_index;
    State state;

    [[nodiscard]] bool is_on(const sycl::queue& other) const;
  };

  void check_device(int device_index) const;
  void publish(sycl::event& marker, const sycl::queue* queue, int device_index, State state);
  void take(XPUEvent& other) noexcept;

  [[nodiscard]] std::optional<Recording> latest() const;
  [[nodiscard]] std::optional<Recording> unfinished() const;
  [[nodiscard]] bool precedes_later_work(const Recording& recording,
                                         const sycl::queue& queue) const;
  [[nodiscard]] bool poll(const Recording& recording) const;
  void mark_complete(const Recording& recording) const;

  // In a union, because there is no sycl::event before the first recording, and because the
  // destructor must leave it alone at process exit.
  union {
    sycl::event event_;
  };
  sycl::ext::oneapi::weak_object<sycl::queue> queue_;
  // Keeps the parts of a recording (event, queue, device, state) together; held only while it is
  // copied or replaced.
  mutable std::mutex mutex_;
  std::atomic<int> device_index_{-1};
  mutable std::atomic<State> state_{State::never_recorded};
  bool enable_timing_;
};

/// Makes later work of `queue` run after `event`, any SYCL event, without blocking the host.
void wait_for(sycl::queue& queue, const sycl::event& event);

}  // namespace xpu_event
