#include "ops/profiler_range.h"

#include <string>
#include <unordered_map>
#include <utility>

namespace xpu_event_ops {
namespace {

using Arguments = std::unordered_map<std::string, c10::IValue>;

Arguments arguments_of(const c10::Event* event, const c10::Stream* stream) {
  Arguments arguments;
  if (event) arguments["event"] = reinterpret_cast<std::int64_t>(event->eventId());
  if (stream) {
    arguments["stream"] = static_cast<std::int64_t>(stream->id());
    arguments["device"] = static_cast<std::int64_t>(stream->device_index());
  }
  return arguments;
}

}  // namespace

ProfilerRange::Range ProfilerRange::begin(const char* name, const c10::Event* event,
                                          const c10::Stream* stream) {
  auto observers = at::getStepCallbacksUnlessEmpty(at::RecordScope::FUNCTION);
  if (!observers) [[likely]]
    return nullptr;
  auto range = std::make_unique<at::RecordFunction>(std::move(*observers));
  const auto arguments = arguments_of(event, stream);
  range->before(name, &arguments);
  return range;
}

}  // namespace xpu_event_ops
