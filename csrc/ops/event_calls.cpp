#include "ops/event_calls.h"

#include <c10/util/SmallVector.h>
#include <torch/csrc/utils/pybind.h>
#include <torch/csrc/utils/python_numbers.h>

#include <optional>
#include <string_view>

#include "ops/event_operand.h"
#include "ops/event_state.h"
#include "ops/no_gil.h"
#include "ops/profiler_range.h"
#include "ops/python_args.h"
#include "ops/python_errors.h"

namespace xpu_event_ops {
namespace {

void check_count(Py_ssize_t given, Py_ssize_t expected, const char* name) {
  TORCH_CHECK_TYPE(given == expected, name, "() takes ", expected, " arguments, got ", given, ".");
}

// Calls `action` without the GIL.
template <class Action>
PyObject* without_gil(Action action) {
  {
    const NoGil no_gil;
    action();
  }
  Py_RETURN_NONE;
}

PyObject* call_record(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  return translate_errors([&]() -> PyObject* {
    check_count(count, 2, "record");
    const EventOperand event(args[0], "record()");
    const auto stream = stream_of(args[1], "record()");
    const ProfilerRange range("xpu_event::record", event.base(), stream);
    return without_gil([&] { event.record(stream); });
  });
}

PyObject* call_wait(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  return translate_errors([&]() -> PyObject* {
    check_count(count, 2, "wait");
    const EventOperand event(args[0], "wait()");
    const auto stream = stream_of(args[1], "wait()");
    const ProfilerRange range("xpu_event::wait", event.base(), stream);
    return without_gil([&] { event.wait(stream); });
  });
}

PyObject* call_synchronize(PyObject* /*module*/, PyObject* object) {
  return translate_errors([&]() -> PyObject* {
    const EventOperand event(object, "synchronize()");
    const ProfilerRange range("xpu_event::synchronize", event.base());
    return without_gil([&] { event.synchronize(); });
  });
}

PyObject* call_set_stream(PyObject* /*module*/, PyObject* stream) {
  return translate_errors([&]() -> PyObject* {
    const auto next = stream_of(stream, "set_stream()");
    const ProfilerRange range("xpu_event::set_stream", next);
    set_current_stream(next);
    Py_RETURN_NONE;
  });
}

PyObject* call_wait_stream(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  return translate_errors([&]() -> PyObject* {
    check_count(count, 2, "wait_stream");
    const auto waiter = stream_of(args[0], "wait_stream()");
    const auto other = stream_of(args[1], "wait_stream()");
    const ProfilerRange range("xpu_event::wait_stream", waiter);
    return without_gil([&] { wait_stream(waiter, other); });
  });
}

PyObject* call_synchronize_stream(PyObject* /*module*/, PyObject* stream) {
  return translate_errors([&]() -> PyObject* {
    const auto waited = stream_of(stream, "synchronize_stream()");
    const ProfilerRange range("xpu_event::synchronize_stream", waited);
    return without_gil([&] { synchronize_stream(waited); });
  });
}

PyObject* call_synchronize_device(PyObject* /*module*/, PyObject* index) {
  return translate_errors([&]() -> PyObject* {
    const auto device = THPUtils_unpackLong(index);
    const ProfilerRange range("xpu_event::synchronize_device");
    return without_gil([&] { synchronize_device(device); });
  });
}

// An op of a run, with operands that need no GIL any more. No stream: the one that is current when
// it is the turn of the op.
struct Step {
  enum class Op : char { record = 'R', wait = 'W', set_stream = 'S', wait_stream = 'F' };

  Op op;
  std::optional<EventOperand> event;
  std::optional<c10::Stream> stream;
  std::optional<c10::Stream> other;

  void run() const {
    const auto on = stream.has_value() ? *stream : current_stream();
    switch (op) {
      case Op::record: {
        const ProfilerRange range("xpu_event::record", event->base(), on);
        return event->record(on);
      }
      case Op::wait: {
        const ProfilerRange range("xpu_event::wait", event->base(), on);
        return event->wait(on);
      }
      case Op::set_stream: {
        const ProfilerRange range("xpu_event::set_stream", on);
        return set_current_stream(on);
      }
      case Op::wait_stream: {
        const ProfilerRange range("xpu_event::wait_stream", on);
        return wait_stream(on, *other);
      }
    }
  }
};

// How many operands an op takes; 0 where there is no such op.
Py_ssize_t operands_of(char letter) {
  switch (static_cast<Step::Op>(letter)) {
    case Step::Op::record:
    case Step::Op::wait:
    case Step::Op::wait_stream:
      return 2;
    case Step::Op::set_stream:
      return 1;
  }
  return 0;
}

void check_run(std::string_view letters, Py_ssize_t operands) {
  Py_ssize_t needed = 0;
  bool known = true;
  for (const char letter : letters) {
    needed += operands_of(letter);
    known = known && operands_of(letter) != 0;
  }
  TORCH_CHECK_TYPE(
      known && needed == operands,
      "run() takes the letters of ops and their operands: R (record) and W (wait) an "
      "event and a stream or None, S (set_stream) a stream, F (wait_stream) two. Got '",
      letters, "' and ", operands, " operands.");
}

Step step_of(char letter, PyObject* const* operands) {
  Step step{static_cast<Step::Op>(letter), {}, {}, {}};
  PyObject* stream = operands[0];
  if (step.op == Step::Op::record || step.op == Step::Op::wait) {
    step.event.emplace(operands[0], "run()");
    stream = operands[1];
    if (stream == Py_None) return step;
  }
  step.stream = stream_of(stream, "run()");
  if (step.op == Step::Op::wait_stream) step.other = stream_of(operands[1], "run()");
  return step;
}

PyObject* call_run(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  return translate_errors([&]() -> PyObject* {
    TORCH_CHECK_TYPE(count > 0 && PyUnicode_Check(args[0]),
                     "run() takes a str of letters first, one for each op. Got ",
                     count > 0 ? Py_TYPE(args[0])->tp_name : "nothing", ".");
    Py_ssize_t length = 0;
    const char* text = PyUnicode_AsUTF8AndSize(args[0], &length);
    if (text == nullptr) throw python_error();
    const std::string_view letters(text, length);
    check_run(letters, count - 1);
    c10::SmallVector<Step, 8> steps;
    PyObject* const* operands = args + 1;
    for (const char letter : letters) {
      steps.push_back(step_of(letter, operands));
      operands += operands_of(letter);
    }
    return without_gil([&] {
      for (const auto& step : steps) step.run();
    });
  });
}

PyCFunction fast(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function));
}

PyMethodDef calls[] = {
    {"record", fast(&call_record), METH_FASTCALL, nullptr},
    {"wait", fast(&call_wait), METH_FASTCALL, nullptr},
    {"synchronize", call_synchronize, METH_O, nullptr},
    {"set_stream", call_set_stream, METH_O, nullptr},
    {"run", fast(&call_run), METH_FASTCALL, nullptr},
    {"wait_stream", fast(&call_wait_stream), METH_FASTCALL, nullptr},
    {"synchronize_stream", call_synchronize_stream, METH_O, nullptr},
    {"synchronize_device", call_synchronize_device, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyMethodDef* event_calls() { return calls; }

}  // namespace xpu_event_ops
