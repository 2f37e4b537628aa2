#include "ops/cpp_graph.h"

#include <ATen/core/Tensor.h>
#include <c10/util/SmallVector.h>
#include <torch/csrc/autograd/python_variable.h>
#include <torch/csrc/inductor/aoti_torch/utils.h>
#include <torch/csrc/utils/object_ptr.h>
#include <torch/csrc/utils/pybind.h>
#include <torch/csrc/utils/python_numbers.h>

#include <bit>
#include <memory>
#include <string>
#include <vector>

#include "ops/c_functions.h"
#include "ops/python_args.h"
#include "ops/python_errors.h"

namespace xpu_event_ops {
namespace {

namespace py = pybind11;

using Handle = AtenTensorHandle;

// What an operand of a graph is. Each takes one slot of the size of a pointer.
enum class Kind : char { tensor = 'T', event = 'E', stream = 'S', integer = 'I', real = 'F' };

constexpr std::string_view kKinds = "TESIF";

struct Graph {
  void (*run)(Handle* operands, Handle* results);
  std::string operands;  // a letter of Kind for each argument
  std::string made;      // and for each object that the graph makes
  std::vector<py::object> makers;
  std::vector<at::Tensor> constants;
  py::tuple results;  // None: a tensor; True: its number; an index: what is in this slot
};

// The slots of one call, and what they point to.
class Slots {
 public:
  explicit Slots(const Graph& graph) {
    const auto count = graph.operands.size() + graph.made.size();
    slots_.reserve(count + graph.constants.size());
    objects_.reserve(count);
    events_.reserve(count);  // slots point into these
    streams_.reserve(count);
  }

  ~Slots() {
    for (size_t i = 0; i < tensors_.size(); i++) {
      if (!handed_over_) delete tensors_[i];
    }
  }
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;
  Slots(Slots&&) = delete;
  Slots& operator=(Slots&&) = delete;

  void add(char kind, py::object object) {
    switch (static_cast<Kind>(kind)) {
      case Kind::tensor:
        TORCH_INTERNAL_ASSERT(THPVariable_Check(object.ptr()), "operand ", slots_.size());
        return add(THPVariable_Unpack(object.ptr()));
      case Kind::event:
        events_.push_back({EventOperand(object.ptr(), "A compiled graph")});
        put(&events_.back());
        break;
      case Kind::stream:
        streams_.push_back(c_stream(stream_of(object.ptr(), "A compiled graph")));
        put(&streams_.back());
        break;
      case Kind::integer:
        put(std::bit_cast<void*>(THPUtils_unpackLong(object.ptr())));
        break;
      case Kind::real:
        put(std::bit_cast<void*>(THPUtils_unpackDouble(object.ptr())));
        break;
    }
    objects_.push_back(std::move(object));  // lives for as long as the call
  }

  void add(const at::Tensor& tensor) {
    tensors_.push_back(new at::Tensor(tensor));
    slots_.push_back(torch::aot_inductor::tensor_pointer_to_tensor_handle(tensors_.back()));
    objects_.emplace_back();
  }

  // The slots, for a graph that takes the tensors.
  Handle* hand_over() {
    handed_over_ = true;
    return slots_.data();
  }

  const py::object& object(size_t index) const { return objects_[index]; }

 private:
  void put(const void* value) {
    slots_.push_back(reinterpret_cast<Handle>(const_cast<void*>(value)));
  }

  c10::SmallVector<Handle, 16> slots_;
  c10::SmallVector<at::Tensor*, 16> tensors_;
  c10::SmallVector<py::object, 16> objects_;
  std::vector<XpuEventOpaque> events_;
  c10::SmallVector<XpuStream, 8> streams_;
  bool handed_over_ = false;
};

// The results of a call; a tensor that comes twice is one object.
class Results {
 public:
  explicit Results(size_t count) : handles_(count, nullptr), objects_(count) {}

  ~Results() {
    for (size_t i = 0; i < handles_.size(); i++) {
      if (first_of(i) == i) delete tensor(i);
    }
  }
  Results(const Results&) = delete;
  Results& operator=(const Results&) = delete;
  Results(Results&&) = delete;
  Results& operator=(Results&&) = delete;

  Handle* data() { return handles_.data(); }

  py::object at(size_t index, PyObject* how) {
    if (handles_[index] == nullptr) return py::none();
    if (how == Py_True) return number(*tensor(index));
    const auto first = first_of(index);
    if (!objects_[first]) {
      objects_[first] = py::reinterpret_steal<py::object>(THPVariable_Wrap(*tensor(first)));
    }
    return objects_[first];
  }

 private:
  static py::object number(const at::Tensor& tensor) {
    return py::reinterpret_steal<py::object>(THPVariable_Wrap(tensor)).attr("item")();
  }

  at::Tensor* tensor(size_t index) {
    if (handles_[index] == nullptr) return nullptr;
    return torch::aot_inductor::tensor_handle_to_tensor_pointer(handles_[index]);
  }

  size_t first_of(size_t index) const {
    for (size_t i = 0; i < index; i++) {
      if (handles_[i] == handles_[index]) return i;
    }
    return index;
  }

  c10::SmallVector<Handle, 8> handles_;
  c10::SmallVector<py::object, 8> objects_;
};

constexpr auto kCapsule = "xpu_dynamo_event.cpp_graph";

PyObject* call_graph(PyObject* self, PyObject* arguments) {
  return translate_errors([&]() -> PyObject* {
    const auto& graph = *static_cast<Graph*>(PyCapsule_GetPointer(self, kCapsule));
    const auto count = graph.operands.size();
    TORCH_INTERNAL_ASSERT(PyList_CheckExact(arguments) &&
                          static_cast<size_t>(PyList_GET_SIZE(arguments)) == count);
    Slots slots(graph);
    for (size_t i = 0; i < count; i++) {
      slots.add(graph.operands[i], py::reinterpret_borrow<py::object>(
                                       PyList_GET_ITEM(arguments, static_cast<Py_ssize_t>(i))));
    }
    for (const auto& constant : graph.constants) slots.add(constant);
    for (size_t i = 0; i < graph.made.size(); i++) slots.add(graph.made[i], graph.makers[i]());
    // The graph frees its arguments when it needs them no more.
    if (PyList_SetSlice(arguments, 0, PyList_GET_SIZE(arguments), nullptr) != 0) {
      throw python_error();
    }
    Results results(graph.results.size());
    graph.run(slots.hand_over(), results.data());
    if (PyErr_Occurred() != nullptr) return nullptr;  // an op that is Python raised
    py::tuple returned(graph.results.size());
    for (size_t i = 0; i < graph.results.size(); i++) {
      const py::handle how = PyTuple_GET_ITEM(graph.results.ptr(), static_cast<Py_ssize_t>(i));
      const bool is_object = how.ptr() != Py_True && !how.is_none();
      returned[i] = is_object ? slots.object(how.cast<size_t>()) : results.at(i, how.ptr());
    }
    return returned.release().ptr();
  });
}

PyMethodDef call_graph_method = {"cpp_graph", call_graph, METH_O, nullptr};

// cpp_graph(run, bind, operands, made, makers, constants, results): the function of a graph.
PyObject* make_graph(PyObject* /*module*/, PyObject* arguments) {
  return translate_errors([&]() -> PyObject* {
    const auto given = py::reinterpret_borrow<py::tuple>(arguments);
    TORCH_INTERNAL_ASSERT(given.size() == 7);
    auto graph = std::make_unique<Graph>();
    graph->run = reinterpret_cast<decltype(graph->run)>(given[0].cast<uintptr_t>());
    const auto bind = reinterpret_cast<void (*)(const XpuEventApi*)>(given[1].cast<uintptr_t>());
    graph->operands = given[2].cast<std::string>();
    graph->made = given[3].cast<std::string>();
    const auto kinds = graph->operands + graph->made;
    TORCH_INTERNAL_ASSERT(kinds.find_first_not_of(kKinds) == std::string::npos, kinds);
    graph->makers = given[4].cast<std::vector<py::object>>();
    graph->constants = given[5].cast<std::vector<at::Tensor>>();
    graph->results = given[6].cast<py::tuple>();
    TORCH_INTERNAL_ASSERT(graph->makers.size() == graph->made.size());
    bind(&c_functions());
    const auto capsule = py::reinterpret_steal<py::object>(
        PyCapsule_New(graph.release(), kCapsule, [](PyObject* owner) {
          delete static_cast<Graph*>(PyCapsule_GetPointer(owner, kCapsule));
        }));
    return PyCFunction_New(&call_graph_method, capsule.ptr());
  });
}

PyMethodDef functions[] = {
    {"cpp_graph", make_graph, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyMethodDef* cpp_graph_functions() { return functions; }

}  // namespace xpu_event_ops
