#include "ops/c_api.h"

#include <torch/csrc/utils/object_ptr.h>
#include <xpu_dynamo_event/event.h>

#include <functional>

#include "ops/event_operand.h"
#include "ops/event_ops.h"
#include "ops/event_state.h"
#include "ops/external_stream.h"
#include "ops/no_gil.h"
#include "ops/python_args.h"
#include "ops/python_errors.h"

namespace xpu_event_ops {
namespace {

using xpu_dynamo_event::Api;

// Calls `body`, which needs no Python any more, without the GIL; 0 if it threw.
template <class Body>
int act(PyObject* event, const sycl::queue* queue, const char* where, Body body) {
  const auto done = translate_errors([&]() -> PyObject* {
    const EventOperand operand(event, where);
    const auto stream = external_stream(*queue, std::nullopt);
    const NoGil no_gil;
    body(operand, stream);
    return Py_None;
  });
  return done != nullptr ? 1 : 0;
}

int api_record(PyObject* event, const sycl::queue* queue) {
  return act(event, queue, "record()", std::mem_fn(&EventOperand::record));
}

int api_wait(PyObject* event, const sycl::queue* queue) {
  return act(event, queue, "wait()", std::mem_fn(&EventOperand::wait));
}

int api_share(PyObject* event, sycl::event* native) {
  const auto done = translate_errors([&]() -> PyObject* {
    *native = EventOperand(event, "native_event()").native();
    return Py_None;
  });
  return done != nullptr ? 1 : 0;
}

PyObject* api_import_event(const sycl::event* native, int device) {
  return translate_errors([&]() -> PyObject* {
    THPObjectPtr event(new_event());
    auto& state = EventOperand(event.get(), "import_event()").base();
    const auto index = index_or_current(device);
    {
      const NoGil no_gil;
      adopt(state, *native, index);
    }
    return event.release();
  });
}

sycl::queue* api_queue_of(PyObject* stream) {
  sycl::queue* queue = nullptr;
  (void)translate_errors([&]() -> PyObject* {
    queue = &queue_of(stream_of(stream, "queue_of()"));
    return Py_None;
  });
  return queue;
}

PyObject* api_external_stream(const sycl::queue* queue, int device) {
  return translate_errors(
      [&]() -> PyObject* { return python_stream(external_stream(*queue, index_from(device))); });
}

constexpr Api kApi{.version = xpu_dynamo_event::kApiVersion,
                   .size = sizeof(Api),
                   .sycl_major = __LIBSYCL_MAJOR_VERSION,
                   .record = &api_record,
                   .wait = &api_wait,
                   .share = &api_share,
                   .import_event = &api_import_event,
                   .queue_of = &api_queue_of,
                   .external_stream = &api_external_stream};

}  // namespace

PyObject* c_api_capsule() {
  return PyCapsule_New(const_cast<Api*>(&kApi), "xpu_dynamo_event._native._C_API", nullptr);
}

}  // namespace xpu_event_ops
