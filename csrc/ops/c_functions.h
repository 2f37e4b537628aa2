// The table of xpu_dynamo_event/c_api.h: events and streams for generated C++.
#pragma once

#include <c10/core/Event.h>
#include <xpu_dynamo_event/c_api.h>

#include <variant>

#include "ops/event_operand.h"

// What an XpuEvent points to: the event of a Python object, borrowed, or one of its own.
struct XpuEventOpaque {
  std::variant<xpu_event_ops::EventOperand, c10::Event> event;
};

namespace xpu_event_ops {

[[nodiscard]] const XpuEventApi& c_functions();

[[nodiscard]] XpuStream c_stream(const c10::Stream& stream);

}  // namespace xpu_event_ops
