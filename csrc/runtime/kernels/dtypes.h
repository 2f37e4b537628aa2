#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <cstdint>

/// Which dtypes a kernel is known to run on asynchronously.
///
/// The shape functions of ATen check shapes and promotion, but a CPU kernel finds out only when it
/// runs that a dtype has no implementation. Such calls go to the synchronous fallback, so that the
/// error is raised by the call itself and in the CPU kernel's own words.
namespace xpu_runtime::kernels {

/// A set of dtypes; structural, so that it can be a template argument.
struct Dtypes {
  std::uint64_t bits;

  constexpr Dtypes operator|(Dtypes other) const { return {bits | other.bits}; }
  [[nodiscard]] constexpr bool holds(c10::ScalarType type) const {
    return (bits >> static_cast<unsigned>(type)) & 1U;
  }
};

template <class... T>
constexpr Dtypes dtypes(T... types) {
  return {((std::uint64_t{1} << static_cast<unsigned>(types)) | ...)};
}

inline constexpr Dtypes kBool = dtypes(c10::kBool);
inline constexpr Dtypes kLong = dtypes(c10::kLong);
inline constexpr Dtypes kIntegral =
    dtypes(c10::kByte, c10::kChar, c10::kShort, c10::kInt, c10::kLong);
inline constexpr Dtypes kFloating = dtypes(c10::kHalf, c10::kBFloat16, c10::kFloat, c10::kDouble);
inline constexpr Dtypes kComplex = dtypes(c10::kComplexFloat, c10::kComplexDouble);
inline constexpr Dtypes kReal = kIntegral | kFloating;
inline constexpr Dtypes kOrdered = kReal | kBool;
inline constexpr Dtypes kNumeric = kReal | kComplex;
inline constexpr Dtypes kAll = kNumeric | kBool;

/// Not a dtype: the argument must have the dtype of the first tensor argument.
inline constexpr Dtypes kLikeFirst{std::uint64_t{1} << 63U};

/// What the tensor arguments of an operator may be, in the order of its schema; the last entry
/// holds for all further ones too. Shape functions judge most out= arguments themselves.
struct Gate {
  std::array<Dtypes, 6> allowed;
  Dtypes outputs{~kLikeFirst.bits};

  // NOLINTNEXTLINE(google-explicit-constructor): one set is the gate most operators have.
  constexpr Gate(Dtypes all) : Gate(all, all) {}
  template <class... More>
  constexpr Gate(Dtypes first, Dtypes second, More... more) : allowed{first, second, more...} {
    for (std::size_t k = 2 + sizeof...(More); k < allowed.size(); ++k) {
      allowed[k] = allowed[k - 1];
    }
  }

  /// The same, with out= arguments of the given dtypes only.
  [[nodiscard]] constexpr Gate writing(Dtypes types) const {
    Gate result = *this;
    result.outputs = types;
    return result;
  }

  [[nodiscard]] constexpr bool admits(std::size_t argument, c10::ScalarType type,
                                      c10::ScalarType first) const {
    return fits(allowed[argument < allowed.size() ? argument : allowed.size() - 1], type, first);
  }
  [[nodiscard]] constexpr bool admits_output(c10::ScalarType type, c10::ScalarType first) const {
    return fits(outputs, type, first);
  }

  static constexpr bool fits(Dtypes set, c10::ScalarType type, c10::ScalarType first) {
    return set.holds(type) || ((set.bits & kLikeFirst.bits) != 0 && type == first);
  }
};

}  // namespace xpu_runtime::kernels
