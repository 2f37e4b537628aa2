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

// Takes the operands of a run one by one.
class RunOperands {
 public:
  RunOperands(PyObject* const* args, Py_ssize_t count) : next_(args), end_(args + count) {}

  Step step(char letter) {
    Step step{static_cast<Step::Op>(letter), {}, {}, {}};
    switch (step.op) {
      case Step::Op::record:
      case Step::Op::wait:
        step.event.emplace(take(), "run()");
        if (PyObject* stream = take(); stream != Py_None) step.stream = stream_of(stream, "run()");
        return step;
      case Step::Op::wait_stream:
        step.stream = stream_of(take(), "run()");
        step.other = stream_of(take(), "run()");
        return step;
      case Step::Op::set_stream:
        step.stream = stream_of(take(), "run()");
        return step;
    }
    TORCH_CHECK_VALUE(false, "run() knows the ops R (record), W (wait), S (set_stream) and F ",
                      "(wait_stream), got '", letter, "'.");
  }

  void check_end() const {
    TORCH_CHECK_TYPE(next_ == end_, "run() got ", end_ - next_, " operands too many.");
  }

 private:
  PyObject* take() {
    TORCH_CHECK_TYPE(next_ != end_, "run() got too few operands: R and W take an event and a ",
                     "stream or None, F two streams, S one.");
    return *next_++;
  }

  PyObject* const* next_;
  PyObject* const* end_;
};

PyObject* call_run(PyObject* /*module*/, PyObject* const* args, Py_ssize_t count) {
  return translate_errors([&]() -> PyObject* {
    TORCH_CHECK_TYPE(count > 0 && PyUnicode_Check(args[0]),
                     "run() takes a string of ops, then their operands.");
    Py_ssize_t length = 0;
    const char* letters = PyUnicode_AsUTF8AndSize(args[0], &length);
    if (letters == nullptr) throw python_error();
    RunOperands operands(args + 1, count - 1);
    c10::SmallVector<Step, 8> steps;
    for (const char letter : std::string_view(letters, length))
      steps.push_back(operands.step(letter));
    operands.check_end();
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
