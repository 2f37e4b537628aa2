#pragma once

#include <Python.h>
#include <unistd.h>

namespace xpu_event_ops {

/// Takes the interpreter lock back.
///
/// If the interpreter has ended in the meantime, the thread stays in here for ever, as it does in
/// Python 3.14. Earlier versions unwind its stack instead, through destructors and functions that
/// must not throw, and the process aborts instead of ending.
inline void take_gil_back(PyThreadState* state) noexcept {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {  // not an exception, but glibc unwinding the stack of an ending thread
    for (;;) pause();
  }
}

/// A scope without the interpreter lock; pybind11::gil_scoped_release, but safe in a daemon thread.
class NoGil {
 public:
  NoGil() : state_(PyEval_SaveThread()) {}
  ~NoGil() { take_gil_back(state_); }
  NoGil(const NoGil&) = delete;
  NoGil& operator=(const NoGil&) = delete;
  NoGil(NoGil&&) = delete;
  NoGil& operator=(NoGil&&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace xpu_event_ops
