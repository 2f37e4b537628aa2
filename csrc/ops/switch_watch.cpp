#include "ops/switch_watch.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <span>

namespace xpu_event_ops {
namespace {

using Seen = SwitchWatch::Seen;

// Of this thread, the innermost last. Programs may end them in any order, on any thread.
std::vector<std::shared_ptr<Seen>>& watching() {
  thread_local std::vector<std::shared_ptr<Seen>> all;
  while (!all.empty() && all.back()->ended) all.pop_back();
  return all;
}

void make_current(std::span<const c10::Stream> streams) {
  const c10::impl::VirtualGuardImpl guard(c10::kXPU);
  for (const auto& stream : streams) {
    guard.setDevice(stream.device());
    guard.exchangeStream(stream);
  }
}

}  // namespace

SwitchWatch::SwitchWatch() : seen_(std::make_shared<Seen>()) {
  const c10::impl::VirtualGuardImpl guard(c10::kXPU);
  const auto current = guard.getDevice();
  for (c10::DeviceIndex each = 0; each < guard.deviceCount(); ++each)
    if (each != current.index()) seen_->before.push_back(guard.getStream({c10::kXPU, each}));
  seen_->before.push_back(guard.getStream(current));
  watching().push_back(seen_);
}

void SwitchWatch::go_back_to(size_t count) const {
  make_current(seen_->before);
  make_current(std::span(seen_->switches).first(std::min(count, seen_->switches.size())));
}

void SwitchWatch::note(const c10::Stream& stream) {
  if (auto& all = watching(); !all.empty()) all.back()->switches.push_back(stream);
}

}  // namespace xpu_event_ops
