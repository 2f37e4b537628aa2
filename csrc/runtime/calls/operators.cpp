#include "runtime/calls/operators.h"

#include <ATen/core/enum_tag.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

namespace xpu_runtime {
namespace {

using c10::Argument;
using c10::DispatchKey;
using c10::OperatorHandle;

// All overloads by their common name. Operators of ATen are never removed.
const auto& overloads() {
  static const auto* all = [] {
    auto* found = new std::unordered_multimap<std::string, c10::OperatorName>;
    for (auto& name : c10::Dispatcher::singleton().getAllOpNames())
      if (name.name.starts_with("aten::")) found->emplace(name.name, name);
    return found;
  }();
  return *all;
}

bool is_output(const Argument& argument) { return argument.is_out(); }

bool same_type(const Argument& one, const Argument& other) {
  return one.name() == other.name() && *one.type() == *other.type();
}

// Whether `out` has the arguments of `op`, and then an output for each of its results.
bool is_out_variant_of(const c10::FunctionSchema& out, const c10::FunctionSchema& op) {
  const auto& inputs = op.arguments();
  const auto& all = out.arguments();
  return all.size() == inputs.size() + op.returns().size() &&
         std::equal(inputs.begin(), inputs.end(), all.begin(), same_type) &&
         std::all_of(all.begin() + static_cast<std::ptrdiff_t>(inputs.size()), all.end(),
                     is_output);
}

bool has_outputs(const c10::FunctionSchema& schema) {
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), is_output);
}

template <class Matches>
std::optional<OperatorHandle> overload_that(const std::string& name, const Matches& matches) {
  const auto [begin, end] = overloads().equal_range(name);
  for (auto each = begin; each != end; ++each) {
    const auto op = c10::Dispatcher::singleton().findSchema(each->second);
    if (op && matches(op->schema())) return op;
  }
  return {};
}

bool is_host_only(const c10::FunctionSchema& schema) {
  return std::none_of(schema.arguments().begin(), schema.arguments().end(), [](const auto& each) {
    return each.type()->str().find("Tensor") != std::string::npos && !is_output(each);
  });
}

bool selects_by_mask(const OperatorHandle& op, const CallArguments& arguments) {
  if (!arguments.has_mask()) return false;
  // One value fits any number of elements.
  const auto& name = op.schema().name();
  const bool puts = name.find("index_put") != std::string::npos;
  return !puts || arguments.values()[2].toTensor().numel() != 1;
}

}  // namespace

bool is_composite(const OperatorHandle& op) {
  return !op.hasKernelForDispatchKey(DispatchKey::CPU) &&
         op.hasKernelForDispatchKey(DispatchKey::CompositeExplicitAutograd);
}

std::optional<OperatorHandle> without_outputs(const OperatorHandle& op) {
  const auto& schema = op.schema();
  if (!has_outputs(schema)) return op;
  return overload_that(schema.name(), [&](const c10::FunctionSchema& candidate) {
    return is_out_variant_of(schema, candidate);
  });
}

bool is_structured(const OperatorHandle& op) {
  const auto functional = without_outputs(op);
  return functional &&
         functional->hasKernelForDispatchKey(DispatchKey::CompositeExplicitAutogradNonFunctional);
}

std::optional<OperatorHandle> out_variant(const OperatorHandle& op) {
  const auto& schema = op.schema();
  if (has_outputs(schema) || schema.is_mutable()) return {};
  const auto out = overload_that(schema.name(), [&](const c10::FunctionSchema& candidate) {
    return is_out_variant_of(candidate, schema);
  });
  return out && out->hasKernelForDispatchKey(DispatchKey::CPU) ? out : std::nullopt;
}

const char* reason_to_wait(const OperatorHandle& op, const CallArguments& arguments) {
  const auto& schema = op.schema();
  if (!schema.name().starts_with("aten::")) return "its schema may change while the process runs";
  if (!op.hasKernelForDispatchKey(DispatchKey::CPU) && !is_composite(op))
    return "there is no CPU kernel";
  if (op.hasTag(at::Tag::nondeterministic_seeded) && !arguments.generator_position())
    return "it draws random numbers, and nothing says from where";
  if (op.hasTag(at::Tag::dynamic_output_shape) && schema.name() != "aten::index")
    return "values decide the shape of the result";
  if (op.hasTag(at::Tag::data_dependent_output)) return "the host reads a value";
  if (op.hasTag(at::Tag::inplace_view)) return "it changes the shape of its argument";
  if (is_host_only(schema)) return "it reads no tensor";
  if (selects_by_mask(op, arguments)) return "a mask decides the shape of the result";
  return nullptr;
}

}  // namespace xpu_runtime
