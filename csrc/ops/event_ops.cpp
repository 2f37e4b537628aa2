#include "ops/event_ops.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/frontend/schema_type_parser.h>
#include <torch/csrc/utils/pybind.h>
#include <torch/library.h>

#include <map>
#include <string>
#include <tuple>

#include "ops/event_operand.h"
#include "ops/event_state.h"
#include "ops/python_args.h"

// Of <torch/csrc/jit/python/pybind_utils.h>, which takes longer to compile than all of this.
namespace torch::jit {
TORCH_PYTHON_API c10::IValue toIValue(pybind11::handle object, const c10::TypePtr& type,
                                      std::optional<int32_t> size);
}  // namespace torch::jit

namespace xpu_event_ops {
namespace {

using c10::IValue;
using torch::jit::Stack;
using Operands = c10::ArrayRef<IValue>;

// Events and streams arrive as Python objects, which the stack keeps alive. Reading the C struct
// inside needs no GIL; ops that call Python take it.
PyObject* object_of(const IValue& value) {
  return value.isPyObject() ? value.toPyObjectHolder()->getPyObject() : nullptr;
}

EventOperand event_operand(const IValue& value, const char* op) {
  PyObject* object = object_of(value);
  TORCH_CHECK_TYPE(object != nullptr, op, " needs a torch.Event, got ", value.tagKind(), ".");
  return {object, op};
}

c10::Stream stream_operand(const IValue& value, const char* op) {
  TORCH_CHECK_TYPE(value.isNone() || value.isPyObject(), op, " needs a torch.Stream, got ",
                   value.tagKind(), ".");
  return stream_of(object_of(value), op);
}

// ---- one struct per operation: its name, its operands in the schema, and what it does

struct Record {
  static constexpr auto kName = "record";
  static constexpr auto kOperands = "torch.Event event, torch.Stream? stream=None";
  static constexpr size_t kCount = 2;
  static void run(Operands in) {
    const auto event = event_operand(in[0], kName);
    event.record(stream_operand(in[1], kName));
  }
};

struct Wait {
  static constexpr auto kName = "wait";
  static constexpr auto kOperands = "torch.Event event, torch.Stream? stream=None";
  static constexpr size_t kCount = 2;
  static void run(Operands in) {
    const auto event = event_operand(in[0], kName);
    event.wait(stream_operand(in[1], kName));
  }
};

struct Synchronize {
  static constexpr auto kName = "synchronize";
  static constexpr auto kOperands = "torch.Event event";
  static constexpr size_t kCount = 1;
  static void run(Operands in) { event_operand(in[0], kName).synchronize(); }
};

struct SetStream {
  static constexpr auto kName = "set_stream";
  static constexpr auto kOperands = "torch.Stream stream";
  static constexpr size_t kCount = 1;
  static void run(Operands in) { set_current_stream(stream_operand(in[0], kName)); }
};

struct WaitStream {
  static constexpr auto kName = "wait_stream";
  static constexpr auto kOperands = "torch.Stream waiter, torch.Stream other";
  static constexpr size_t kCount = 2;
  static void run(Operands in) {
    wait_stream(stream_operand(in[0], kName), stream_operand(in[1], kName));
  }
};

struct SynchronizeStream {
  static constexpr auto kName = "synchronize_stream";
  static constexpr auto kOperands = "torch.Stream stream";
  static constexpr size_t kCount = 1;
  static void run(Operands in) { synchronize_stream(stream_operand(in[0], kName)); }
};

struct SynchronizeDevice {
  static constexpr auto kName = "synchronize_device";
  static constexpr auto kOperands = "int device_index";
  static constexpr size_t kCount = 1;
  static void run(Operands in) { synchronize_device(in[0].toInt()); }
};

// Tensor.record_stream of a program.
struct RecordStream {
  static constexpr auto kName = "record_stream";
  static constexpr auto kOperands = "Tensor[] tensors, torch.Stream? stream=None";
  static constexpr size_t kCount = 2;
  static void run(Operands in) {
    const auto stream = stream_operand(in[1], kName);
    for (const auto& value : in[0].toListRef()) {
      const auto& tensor = value.toTensor();
      if (tensor.is_xpu() && tensor.has_storage()) {
        record_stream(tensor.storage().data_ptr(), stream);
      }
    }
  }
};

// The same from a graph pass (xpu_dynamo_event/passes/lifetimes.py), which may take it back.
struct NoteUses : RecordStream {
  static constexpr auto kName = "note_uses";
};

// A note for graph passes: which stream is current where the graph begins.
struct EntryStream {
  static constexpr auto kName = "entry_stream";
  static constexpr auto kOperands = "torch.Stream stream";
  static constexpr size_t kCount = 1;
  static void run(Operands in) { stream_operand(in[0], kName); }
};

struct Query {
  static constexpr auto kName = "query";
  static constexpr auto kOperands = "torch.Event event";
  static constexpr auto kResult = "bool";
  static constexpr size_t kCount = 1;
  static bool run(Operands in) { return event_operand(in[0], kName).query(); }
};

struct QueryStream {
  static constexpr auto kName = "query_stream";
  static constexpr auto kOperands = "torch.Stream stream";
  static constexpr auto kResult = "bool";
  static constexpr size_t kCount = 1;
  static bool run(Operands in) { return query_stream(stream_operand(in[0], kName)); }
};

struct ElapsedTime {
  static constexpr auto kName = "elapsed_time";
  static constexpr auto kOperands = "torch.Event start, torch.Event end";
  static constexpr auto kResult = "float";
  static constexpr size_t kCount = 2;
  static double run(Operands in) {
    return EventOperand::elapsed_ms(event_operand(in[0], kName), event_operand(in[1], kName));
  }
};

// A number that only the Python object knows: an attribute, or "__hash__".
struct Inspect {
  static constexpr auto kName = "inspect";
  static constexpr auto kOperands = "torch.Event event, str attribute";
  static constexpr auto kResult = "int";
  static constexpr size_t kCount = 2;
  static int64_t run(Operands in) {
    event_operand(in[0], kName);
    const auto& attribute = in[1].toStringRef();
    const pybind11::gil_scoped_acquire gil;
    const pybind11::handle event = object_of(in[0]);
    if (attribute == "__hash__") {
      return pybind11::hash(event);
    }
    const auto number = event.attr(attribute.c_str());
    TORCH_CHECK_TYPE(PyLong_Check(number.ptr()), "xpu_event::inspect reads whole numbers, but '",
                     attribute, "' is of type ", Py_TYPE(number.ptr())->tp_name, ".");
    return number.cast<int64_t>();
  }
};

// The text of the Python object: "__repr__" or "__str__".
struct Text {
  static constexpr auto kName = "text";
  static constexpr auto kOperands = "torch.Event event, str method";
  static constexpr auto kResult = "str";
  static constexpr size_t kCount = 2;
  static std::string run(Operands in) {
    event_operand(in[0], kName);
    const pybind11::gil_scoped_acquire gil;
    const pybind11::handle event = object_of(in[0]);
    const auto& method = in[1].toStringRef();
    const auto text = event.attr(method.c_str())();
    TORCH_CHECK_TYPE(PyUnicode_Check(text.ptr()), "xpu_event::text reads texts, but ", method,
                     "() returns a value of type ", Py_TYPE(text.ptr())->tp_name, ".");
    return text.cast<std::string>();
  }
};

// ---- the three forms of an operation (see ops.py for what each is for)

template <class Op>
auto run_and_drop(Stack* stack) {
  struct Dropper {
    Stack* stack;
    ~Dropper() { torch::jit::drop(*stack, Op::kCount); }
  } dropper{stack};
  return Op::run(torch::jit::last(*stack, Op::kCount));
}

template <class Op>
void plain(const c10::OperatorHandle& /*op*/, Stack* stack) {
  if constexpr (std::is_void_v<decltype(Op::run({}))>) {
    run_and_drop<Op>(stack);
  } else {
    torch::jit::push(*stack, run_and_drop<Op>(stack));
  }
}

at::Tensor tensor_of(bool value) { return at::scalar_tensor(value, at::dtype(at::kBool)); }
at::Tensor tensor_of(double value) { return at::scalar_tensor(value, at::dtype(at::kDouble)); }
at::Tensor tensor_of(int64_t value) { return at::scalar_tensor(value, at::dtype(at::kLong)); }

// A graph wants shapes up front, so a text has room for this many bytes, padded with zeros.
constexpr int64_t kTextBytes = 1024;

at::Tensor tensor_of(const std::string& value) {
  const auto size = static_cast<int64_t>(value.size());
  TORCH_CHECK_VALUE(size <= kTextBytes, "The text of an event has ", size,
                    " bytes; a compiled graph has room for ", kTextBytes,
                    ". Take the text outside the compiled function.");
  auto bytes = at::zeros({kTextBytes}, at::dtype(at::kByte));
  std::copy(value.begin(), value.end(), bytes.mutable_data_ptr<uint8_t>());
  return bytes;
}

// A result that the host reads becomes a CPU tensor: a graph can carry it without reading it.
template <class Op>
void as_tensor(const c10::OperatorHandle& /*op*/, Stack* stack) {
  torch::jit::push(*stack, tensor_of(run_and_drop<Op>(stack)));
}

// Hands the tensors in `live` through, so that every user of a result comes after the operation.
template <class Op>
void ordered(const c10::OperatorHandle& op, Stack* stack) {
  IValue live = torch::jit::pop(*stack);
  torch::jit::drop(*stack, 1);  // position
  if constexpr (std::is_void_v<decltype(Op::run({}))>) {
    plain<Op>(op, stack);
  } else {
    as_tensor<Op>(op, stack);
  }
  torch::jit::push(*stack, std::move(live));
}

void define(torch::Library& library, const std::string& schema, c10::BoxedKernel kernel) {
  library.def(torch::schema(schema.c_str()));
  const auto name = schema.substr(0, schema.find('('));
  library.impl(name.c_str(),
               torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                               torch::CppFunction::makeFromBoxedKernel(std::move(kernel))));
}

constexpr auto kOrderedOperands = ", *, int position, Tensor[] live) -> ";

template <class Op>
void define_plain(torch::Library& library) {
  define(library, std::string(Op::kName) + "(" + Op::kOperands + ") -> ()",
         c10::BoxedKernel::makeFromFunction<&plain<Op>>());
}

template <class Op>
void define_action(torch::Library& library) {
  define_plain<Op>(library);
  const std::string name = Op::kName;
  const std::string operands = std::string("(") + Op::kOperands;
  define(library, name + ".ordered" + operands + kOrderedOperands + "Tensor[]",
         c10::BoxedKernel::makeFromFunction<&ordered<Op>>());
}

template <class Op>
void define_reading(torch::Library& library) {
  const std::string name = Op::kName;
  const std::string operands = std::string("(") + Op::kOperands;
  define(library, name + operands + ") -> " + Op::kResult,
         c10::BoxedKernel::makeFromFunction<&plain<Op>>());
  define(library, name + ".tensor" + operands + ") -> Tensor",
         c10::BoxedKernel::makeFromFunction<&as_tensor<Op>>());
  define(library, name + ".ordered" + operands + kOrderedOperands + "(Tensor, Tensor[])",
         c10::BoxedKernel::makeFromFunction<&ordered<Op>>());
}

// ---- creation

std::map<std::string, PyObject*>& factories() {
  static std::map<std::string, PyObject*> by_name;
  return by_name;
}

pybind11::handle factory_of(const IValue& kind, const char* op) {
  const auto factory = factories().find(kind.toStringRef());
  TORCH_CHECK_VALUE(factory != factories().end(), "xpu_event::", op, " does not know the class '",
                    kind.toStringRef(), "'.");
  return factory->second;
}

// create(str kind, bool enable_timing, bool blocking, int position) -> torch.Event
void create(const c10::OperatorHandle& /*op*/, Stack* stack) {
  const Operands in = torch::jit::last(*stack, 4);
  const pybind11::gil_scoped_acquire gil;
  using namespace pybind11::literals;
  const auto event = factory_of(in[0], "create")("enable_timing"_a = in[1].toBool(),
                                                 "blocking"_a = in[2].toBool());
  torch::jit::drop(*stack, 4);
  torch::jit::push(*stack, torch::jit::toIValue(event, c10::PyObjectType::get(), {}));
}

// create_stream(str kind, int device_index, int priority, int position) -> torch.Stream
void create_stream(const c10::OperatorHandle& /*op*/, Stack* stack) {
  const Operands in = torch::jit::last(*stack, 4);
  const pybind11::gil_scoped_acquire gil;
  const auto stream = factory_of(in[0], "create_stream")(in[1].toInt(), in[2].toInt());
  std::ignore = stream_of(stream.ptr(), "create_stream");  // not what the name of an event makes
  torch::jit::drop(*stack, 4);
  torch::jit::push(*stack, torch::jit::toIValue(stream, c10::PyObjectType::get(), {}));
}

TORCH_LIBRARY(xpu_event, library) {
  // Schemas name the Python types of their operands; the parser knows only registered names.
  torch::jit::registerOpaqueType("torch.Event");
  torch::jit::registerOpaqueType("torch.Stream");
  define_action<Record>(library);
  define_action<Wait>(library);
  define_action<Synchronize>(library);
  define_action<SetStream>(library);
  define_action<WaitStream>(library);
  define_action<SynchronizeStream>(library);
  define_action<SynchronizeDevice>(library);
  define_plain<RecordStream>(library);
  define_plain<NoteUses>(library);
  define_plain<EntryStream>(library);
  define_reading<Query>(library);
  define_reading<QueryStream>(library);
  define_reading<ElapsedTime>(library);
  define_reading<Inspect>(library);
  define_reading<Text>(library);
  define(library,
         "create(str kind='torch.xpu.Event', bool enable_timing=False, bool blocking=False, "
         "int position=0) -> torch.Event",
         c10::BoxedKernel::makeFromFunction<&create>());
  define(library,
         "create_stream(str kind='torch.xpu.Stream', int device_index=-1, int priority=0, "
         "int position=0) -> torch.Stream",
         c10::BoxedKernel::makeFromFunction<&create_stream>());
}

// A note is not differentiated. A node for it would use up a sequence number, and those tell which
// node of the backward belongs to which of the forward
// (xpu_dynamo_event/passes/backward_streams.py).
TORCH_LIBRARY_IMPL(xpu_event, Autograd, library) {
  for (const auto* name : {RecordStream::kName, NoteUses::kName}) {
    library.impl(name, torch::CppFunction::makeFallthrough());
  }
}

}  // namespace

PyObject* new_event() {
  const IValue kind("xpu_dynamo_event.Event");
  return factory_of(kind, "create")().release().ptr();
}

void set_factory(const char* name, PyObject* factory) {
  Py_INCREF(factory);
  Py_XDECREF(std::exchange(factories()[name], factory));
}

}  // namespace xpu_event_ops
