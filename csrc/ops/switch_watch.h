// How far a graph came: what it made current, for a caller that has to go back when it raises.
#pragma once

#include <c10/core/Stream.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace xpu_event_ops {

// Watches the calls of set_current_stream on the thread that makes it, until end(). Inside another
// one it hides what happens from that one, whose graph knows nothing of it.
class SwitchWatch {
 public:
  SwitchWatch();
  ~SwitchWatch() { end(); }
  SwitchWatch(const SwitchWatch&) = delete;
  SwitchWatch& operator=(const SwitchWatch&) = delete;
  SwitchWatch(SwitchWatch&&) = delete;
  SwitchWatch& operator=(SwitchWatch&&) = delete;

  [[nodiscard]] size_t count() const { return seen_->switches.size(); }
  // Makes current, on every device, what was so after the first `count` switches.
  void go_back_to(size_t count) const;
  void end() { seen_->ended = true; }

  static void note(const c10::Stream& stream);

  struct Seen {
    std::vector<c10::Stream> before;  // of each device; that of the current one is the last
    std::vector<c10::Stream> switches;
    bool ended = false;
  };

 private:
  std::shared_ptr<Seen> seen_;
};

}  // namespace xpu_event_ops
