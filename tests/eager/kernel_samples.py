"""Sample calls for every operator that has an asynchronous kernel.

Keyed by the functional overload; tests derive in-place and out= calls from these. A sample may be
one that the CPU refuses: then the device has to refuse it with the same words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

FLOATING = (torch.float32, torch.float64, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class OnCpu:
    """A tensor that stays on the CPU in the call on the device."""

    tensor: torch.Tensor


@dataclass(frozen=True)
class Sample:
    """The arguments of one call, on the CPU."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


def call(*args: Any, **kwargs: Any) -> Sample:
    """Write a sample as one writes a call."""
    return Sample(args, kwargs)


class Make:
    """Makes reproducible tensors of one dtype."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.floating = dtype in FLOATING
        self._generator = torch.Generator().manual_seed(20240117)

    def __call__(self, *shape: int, low: float = -4, high: float = 4) -> torch.Tensor:
        """Return a tensor of values between the bounds, which integers include."""
        if self.dtype is torch.bool:
            return torch.randint(0, 2, shape, generator=self._generator).bool()
        if self.dtype.is_floating_point or self.dtype.is_complex:
            real = torch.rand(shape, generator=self._generator, dtype=torch.float64)
            return (real * (high - low) + low).to(self.dtype)
        first = max(math.ceil(low), 0) if self.dtype is torch.uint8 else math.ceil(low)
        last = max(first, math.floor(high))
        values = torch.randint(first, last + 1, shape, generator=self._generator)
        return values.to(self.dtype)

    def index(self, *shape: int, below: int) -> torch.Tensor:
        """Return int64 indices."""
        return torch.randint(0, below, shape, generator=self._generator)

    def mask(self, *shape: int) -> torch.Tensor:
        """Return a bool tensor."""
        return torch.randint(0, 2, shape, generator=self._generator).bool()

    def layouts(self) -> Iterator[torch.Tensor]:
        """Yield tensors that differ in rank and memory layout."""
        yield self(3, 4)
        yield self(4, 3).t()
        yield self(3, 8)[:, ::2]
        yield self()
        yield self(0, 3)
        yield self(3, 1).expand(3, 4)
        yield self(2, 3, 4, 5).to(memory_format=torch.channels_last)

    def pairs(self) -> Iterator[tuple[torch.Tensor, torch.Tensor | OnCpu]]:
        """Yield operands that broadcast in different ways, and some that do not."""
        for tensor in self.layouts():
            yield tensor, self(*tensor.shape)
        yield self(3, 1), self(4)
        yield self(2, 3, 4), self(4, 3).t()
        yield self(3, 4), self()
        yield self(), self(3, 4)
        yield self(3, 4), OnCpu(self())
        yield self(3, 4), self(3, 4).double()
        yield self(3, 4), self(2, 4)


Samples = Callable[[Make], Iterator[Sample]]
SAMPLES: dict[str, Samples] = {}


def samples(*names: str) -> Callable[[Samples], Samples]:
    """Register the samples of some operators."""

    def register(function: Samples) -> Samples:
        for name in " ".join(names).split():
            assert name not in SAMPLES, name
            SAMPLES[name] = function
        return function

    return register


# Elementwise


@samples(
    "abs acos acosh asin asinh atan atanh bitwise_not ceil cos cosh digamma erf erfc erfinv exp",
    "exp2 expm1 floor frac hardsigmoid hardswish i0 isnan isneginf isposinf lgamma log log10",
    "log1p log2 logical_not mish neg reciprocal relu round rsqrt sgn sigmoid sign signbit silu",
    "sin sinc sinh sqrt tan tanh trunc",
    "zero_",
)
def unary(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor)


@samples(
    "atan2 bitwise_and.Tensor bitwise_or.Tensor bitwise_xor.Tensor copysign.Tensor eq.Tensor fmax",
    "fmin ge.Tensor gt.Tensor heaviside hypot le.Tensor logaddexp logaddexp2 logical_and",
    "logical_or logical_xor lt.Tensor maximum minimum mul.Tensor ne.Tensor nextafter xlogy.Tensor",
    "div.Tensor sigmoid_backward tanh_backward silu_backward hardsigmoid_backward",
    "hardswish_backward rsub.Tensor _prelu_kernel",
)
def binary(make: Make) -> Iterator[Sample]:
    for a, b in make.pairs():
        yield call(a, b)


@samples("floor_divide fmod.Tensor remainder.Tensor gcd lcm")
def with_divisor(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4, low=1))
    yield call(make(4, 3).t(), make(4, low=1))
    yield call(make(3, 4), OnCpu(make(low=1)))
    yield call(make(3, 4), make(3, 4, low=1).double())
    yield call(make(3, 4), make(2, 4, low=1))


@samples("igamma igammac")
def positive_pairs(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4, low=0.1), make(3, 4, low=0.1))
    yield call(make(3, 1, low=0.1), make(4, low=0.1))


@samples("bitwise_left_shift.Tensor bitwise_right_shift.Tensor")
def shifts(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4, low=0))
    yield call(make(3, 1), make(4, low=0))


@samples("add.Tensor sub.Tensor")
def sums(make: Make) -> Iterator[Sample]:
    for a, b in make.pairs():
        yield call(a, b)
    yield call(make(3, 4), make(4), alpha=3)
    yield call(make(3, 4), make(4), alpha=0.5)
    yield call(make(3, 4), make(4), alpha=1000)


@samples("div.Tensor_mode")
def divisions(make: Make) -> Iterator[Sample]:
    for mode in (None, "trunc", "floor", "nonsense"):
        yield call(make(3, 4), make(4, low=1), rounding_mode=mode)


@samples("pow.Tensor_Tensor")
def powers(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4, low=0))
    yield call(make(4, 3).t(), make(4, low=0))
    yield call(make(3, 4), OnCpu(make(low=0)))
    yield call(make(3, 4), make(3, 4, low=0).double())


@samples("pow.Tensor_Scalar")
def scalar_powers(make: Make) -> Iterator[Sample]:
    for exponent in (0, 2, 3, 0.5, -1, 300):
        yield call(make(3, 4), exponent)


@samples("pow.Scalar")
def powers_of_scalars(make: Make) -> Iterator[Sample]:
    for base in (0, 1, 2, 1.5):
        yield call(base, make(3, 4, low=0))


@samples("round.decimals")
def rounding(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), decimals=1)


@samples("nan_to_num")
def finite(make: Make) -> Iterator[Sample]:
    tensor = make(3, 4)
    if make.floating:
        tensor[0, :3] = torch.tensor([math.nan, math.inf, -math.inf])
    yield call(tensor)
    yield call(tensor, 1.0, 2.0, 3.0)


@samples("eq.Scalar ne.Scalar lt.Scalar le.Scalar gt.Scalar ge.Scalar")
def against_scalar(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor, 1)
    yield call(make(3, 4), 0.5)
    yield call(make(3, 4), 1000)


@samples("clamp")
def clamp(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor, -1, 1)
    yield call(make(3, 4), 0.5)
    yield call(make(3, 4), max=1)
    yield call(make(3, 4))


@samples("clamp_min clamp_max")
def clamp_one(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1)
    yield call(make(4, 3).t(), 0.5)


@samples("clamp.Tensor")
def clamp_tensors(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(4, high=0), make(3, 1, low=0))
    yield call(make(3, 4), make(4))
    yield call(make(3, 4), None, make(3, 4))
    yield call(make(3, 4))


@samples("clamp_min.Tensor clamp_max.Tensor")
def clamp_one_tensor(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(4))
    yield call(make(3, 4), make(2, 3, 4))


@samples("isin.Tensor_Tensor")
def membership(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(5))
    yield call(make(3, 4), make(5), invert=True)


@samples("isin.Tensor_Scalar")
def membership_of_one(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1)


@samples("addcmul addcdiv")
def products(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), make(3, 4, low=1))
    yield call(make(3, 1), make(4), make(3, 4, low=1), value=2)
    yield call(make(3, 4), make(4, 3).t(), make(3, 8, low=1)[:, ::2], value=0.5)
    yield call(make(3, 4), make(3, 5), make(3, 4))


@samples("lerp.Scalar")
def interpolation(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(4), 0.25)
    yield call(make(3, 4), make(3, 4).double(), 0.25)


@samples("lerp.Tensor")
def interpolation_by_tensor(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(4), make(3, 1))


@samples("where.self")
def choice(make: Make) -> Iterator[Sample]:
    for a, b in make.pairs():
        shape = a.shape if isinstance(b, OnCpu) else b.shape
        yield call(make.mask(*shape), a, b)
    yield call(make.mask(3, 1), make(3, 4), make(4).double())
    yield call(make(3, 4), make(3, 4), make(3, 4))


@samples("fill_.Scalar")
def fill(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor, 1)
    yield call(make(3, 4), 1e30)


@samples("fill_.Tensor")
def fill_tensor(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make())
    yield call(make(3, 4), OnCpu(make()))
    yield call(make(3, 4), torch.tensor(1.5))
    yield call(make(3, 4), make(4))


@samples("masked_fill_.Scalar")
def masked_fill(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make.mask(3, 4), 1)
    yield call(make(4, 3).t(), make.mask(4), 1)
    yield call(make(3, 4), make.mask(2, 3, 4), 1)
    yield call(make(3, 4), make.mask(3, 4), 1e30)
    yield call(make(3, 4), make(3, 4), 1)


@samples("masked_fill_.Tensor")
def masked_fill_tensor(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make.mask(3, 4), make())
    yield call(make(3, 4), make.mask(3, 1), OnCpu(make()))
    yield call(make(3, 4), make.mask(3, 1), make(2))


# Activations


@samples("elu hardshrink leaky_relu log_sigmoid_forward softplus softshrink")
def activation(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor)


@samples("hardtanh")
def hardtanh(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor)
    yield call(make(3, 4), -0.5, 2)


@samples("logit")
def logit(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4, low=0, high=1))
    yield call(make(4, 3, low=-1).t(), 0.25)


@samples("log_sigmoid_backward")
def log_sigmoid_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), make(3, 4, low=0))


@samples("_prelu_kernel_backward")
def prelu_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), make(3, 4))
    yield call(make(4, 3).t(), make(4, 3).t(), make(4).expand(3, 4))


@samples("glu_backward")
def glu_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 2), make(3, 4), 1)
    yield call(make(3, 2), make(4, 3).t(), 1)
    yield call(make(3, 2), make(3, 5), 1)


@samples("gelu")
def gelu(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor)
    yield call(make(3, 4), approximate="tanh")
    yield call(make(3, 4), approximate="nonsense")


@samples("gelu_backward")
def gelu_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4))
    yield call(make(3, 4), make(4, 3).t(), approximate="tanh")


@samples("glu")
def glu(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4))
    yield call(make(4, 3), 0)
    yield call(make(4, 3))


@samples("threshold")
def threshold(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, 2)
    yield call(make(3, 4), 1, 1000)


@samples("threshold_backward")
def threshold_backward(make: Make) -> Iterator[Sample]:
    for a, b in make.pairs():
        yield call(a, b, 0)


@samples("leaky_relu_backward")
def leaky_relu_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), 0.25, False)
    yield call(make(3, 4), make(3, 4), -0.25, True)


@samples("elu_backward")
def elu_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1.0, 1.0, 1.0, False, make(3, 4))
    yield call(make(3, 4), 1.5, 1.0, 2.0, True, make(4, 3).t())


@samples("softplus_backward")
def softplus_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), 1, 20)


@samples("softshrink_backward hardshrink_backward")
def shrink_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), 0.5)


@samples("logit_backward")
def logit_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4, low=0, high=1), 1e-3)
    yield call(make(3, 4), make(3, 4, low=0, high=1))


@samples("hardtanh_backward")
def hardtanh_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), -1, 1)


@samples("native_dropout_backward")
def dropout_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make.mask(3, 4), 2.0)


# Reductions and scans


def reduced(make: Make) -> Iterator[tuple[torch.Tensor, list[int], bool]]:
    yield make(3, 4), [1], False
    yield make(3, 4), [0, 1], True
    yield make(4, 3).t(), [-1], True
    yield make(2, 3, 4, 5).to(memory_format=torch.channels_last), [2, 3], False
    yield make(), [0], False
    yield make(3, 4), [], False
    yield make(0, 3), [1], False
    yield make(3, 0), [0], False
    yield make(3, 4), [2], False
    yield make(3, 4), [0, 0], False


@samples("sum.dim_IntList mean.dim")
def sums_over_dims(make: Make) -> Iterator[Sample]:
    for tensor, dims, keepdim in reduced(make):
        yield call(tensor, dims, keepdim)
    yield call(make(3, 4), None)
    yield call(make(3, 4), [1], dtype=torch.float64)
    yield call(make(3, 4), [1], dtype=torch.int64)


@samples("amax amin all.dims any.dims")
def over_dims(make: Make) -> Iterator[Sample]:
    for tensor, dims, keepdim in reduced(make):
        yield call(tensor, dims, keepdim)


@samples("prod.dim_int max.dim min.dim all.dim any.dim argmax argmin")
def over_one_dim(make: Make) -> Iterator[Sample]:
    for tensor, dims, keepdim in reduced(make):
        if len(dims) == 1:
            yield call(tensor, dims[0], keepdim)


@samples("aminmax")
def extrema(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), dim=1)
    yield call(make(3, 4), dim=0, keepdim=True)
    yield call(make(3, 4))


@samples("prod all any max min")
def over_all(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor)


@samples("norm.ScalarOpt_dim linalg_vector_norm")
def norms(make: Make) -> Iterator[Sample]:
    for order in (2, 1, 0, math.inf, -math.inf, 3):
        yield call(make(3, 4), order, [1], True)
    yield call(make(0, 3), 2, [0])


@samples("norm.ScalarOpt_dim_dtype")
def norms_of_dtype(make: Make) -> Iterator[Sample]:
    for dtype in (torch.float64, torch.float32, torch.int64):
        yield call(make(3, 4), 2, [1], True, dtype=dtype)


@samples("var.correction std.correction var_mean.correction std_mean.correction")
def variances(make: Make) -> Iterator[Sample]:
    for tensor, dims, keepdim in reduced(make):
        if tensor.numel():
            yield call(tensor, dims, correction=0, keepdim=keepdim)
    yield call(make(3, 4), None, correction=1)
    yield call(make(3, 4), [1])


@samples("linalg_cross")
def cross(make: Make) -> Iterator[Sample]:
    yield call(make(4, 3), make(4, 3))
    yield call(make(3, 4), make(3, 1), dim=0)
    yield call(make(4, 2), make(4, 2))


@samples("cumsum cumprod")
def scans(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1)
    yield call(make(4, 3).t(), 0)
    yield call(make(3, 4), 0, dtype=torch.float64)
    yield call(make(), 0)
    yield call(make(3, 4), 2)


@samples("sort.stable")
def sort(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), stable=True)
    yield call(make(4, 3).t(), stable=True, dim=0, descending=True)


@samples("topk")
def topk(make: Make) -> Iterator[Sample]:
    yield call(torch.arange(12).reshape(3, 4).to(make.dtype), 2)
    yield call(make(3, 4), 5)


@samples("dot vdot")
def dot(make: Make) -> Iterator[Sample]:
    yield call(make(5), make(5))
    yield call(make(10)[::2], make(5))
    yield call(make(0), make(0))
    yield call(make(5), make(4))
    yield call(make(5), make(5).double())


@samples("_softmax _log_softmax")
def softmax(make: Make) -> Iterator[Sample]:
    for tensor in (make(3, 4), make(4, 3).t(), make(0, 3), make()):
        yield call(tensor, -1, False)
    yield call(make(2, 3, 4, 5).to(memory_format=torch.channels_last), 1, False)
    yield call(make(3, 4), 2, False)


@samples("_softmax_backward_data _log_softmax_backward_data")
def softmax_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4, low=0, high=1), 1, make.dtype)
    yield call(make(4, 3).t(), make(3, 4, low=0, high=1), 0, make.dtype)


# Matrices


@samples("mm")
def mm(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(4, 5))
    yield call(make(4, 3).t(), make(5, 4).t())
    yield call(make(3, 0), make(0, 5))
    yield call(make(3, 4), make(3, 4))
    yield call(make(3, 4), make(4, 5).double())


@samples("addmm _addmm_activation")
def addmm(make: Make) -> Iterator[Sample]:
    yield call(make(3, 5), make(3, 4), make(4, 5))
    yield call(make(5), make(3, 4), make(5, 4).t(), beta=2, alpha=3)
    yield call(make(3, 5), make(3, 0), make(0, 5))
    yield call(make(4), make(3, 4), make(4, 5))
    yield call(make(5), make(3, 4), make(4, 6))
    yield call(torch.ones(5).double(), make(3, 4), make(4, 5))


@samples("bmm")
def bmm(make: Make) -> Iterator[Sample]:
    yield call(make(2, 3, 4), make(2, 4, 5))
    yield call(make(2, 4, 3).mT, make(2, 5, 4).mT)
    yield call(make(2, 3, 4), make(3, 4, 5))
    yield call(make(2, 3, 4), make(2, 4, 5).double())


@samples("baddbmm")
def baddbmm(make: Make) -> Iterator[Sample]:
    yield call(make(2, 3, 5), make(2, 3, 4), make(2, 4, 5))
    yield call(make(5), make(2, 3, 4), make(2, 4, 5), beta=2, alpha=3)
    yield call(make(4), make(2, 3, 4), make(2, 4, 5))
    yield call(make(5).double(), make(2, 3, 4), make(2, 4, 5))


@samples("addmv")
def addmv(make: Make) -> Iterator[Sample]:
    yield call(make(3), make(3, 4), make(4))
    yield call(make(), make(4, 3).t(), make(8)[::2], beta=2, alpha=3)
    yield call(make(3), make(3, 4), make(3))
    yield call(make(2), make(3, 4), make(4))
    yield call(make(3), make(3, 4).double(), make(4))


# Normalisation


def parameters(make: Make, size: int) -> tuple[torch.Tensor, ...]:
    return tuple(make(size, low=0.5) for _ in range(4))


@samples("native_batch_norm _native_batch_norm_legit")
def batch_norm(make: Make) -> Iterator[Sample]:
    for training in (True, False):
        for tensor in (
            make(4, 3),
            make(2, 3, 4, 5),
            make(2, 3, 4, 5).to(memory_format=torch.channels_last),
            make(2, 4, 3).mT,
        ):
            yield call(tensor, *parameters(make, 3), training, 0.1, 1e-5)
    yield call(make(4, 3), *parameters(make, 4), True, 0.1, 1e-5)
    yield call(make(4, 3), *(p.float() for p in parameters(make, 3)), True, 0.1, 1e-5)


@samples("_native_batch_norm_legit.no_stats")
def batch_norm_without_statistics(make: Make) -> Iterator[Sample]:
    yield call(make(4, 3), *parameters(make, 3)[:2], True, 0.1, 1e-5)
    yield call(make(4, 3), None, None, True, 0.1, 1e-5)


@samples("native_batch_norm_backward")
def batch_norm_backward(make: Make) -> Iterator[Sample]:
    for tensor in (make(4, 3), make(2, 3, 4, 5).to(memory_format=torch.channels_last)):
        weight, *statistics = parameters(make, 3)
        mean, invstd = statistics[:2]
        rest = (weight, mean, invstd, mean, invstd)
        for train in (True, False):
            yield call(make(*tensor.shape), tensor, *rest, train, 1e-5, [True, True, True])
        yield call(make(*tensor.shape), tensor, *rest, True, 1e-5, [True, False, True])


@samples("native_layer_norm")
def layer_norm(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), [4], make(4), make(4), 1e-5)
    yield call(make(2, 4, 3).mT, [3, 4], None, make(3, 4), 1e-5)
    yield call(make(3, 4), [4], make(4).float(), make(4).float(), 1e-5)
    yield call(make(3, 4), [3], None, None, 1e-5)
    yield call(make(0, 4), [4], None, None, 1e-5)


@samples("native_layer_norm_backward")
def layer_norm_backward(make: Make) -> Iterator[Sample]:
    mean, rstd = make(3, 1), make(3, 1, low=0.5)
    rest = ([4], mean, rstd, make(4), make(4))
    yield call(make(3, 4), make(3, 4), *rest, [True, True, True])
    yield call(make(4, 3).t(), make(4, 3).t(), *rest, [True, False, True])


@samples("native_group_norm")
def group_norm(make: Make) -> Iterator[Sample]:
    for tensor in (make(2, 4, 3), make(2, 4, 3, 5).to(memory_format=torch.channels_last)):
        area = tensor[0, 0].numel()
        yield call(tensor, make(4), make(4), 2, 4, area, 2, 1e-5)
    yield call(make(2, 4, 3), None, None, 2, 4, 3, 3, 1e-5)


@samples("native_group_norm_backward")
def group_norm_backward(make: Make) -> Iterator[Sample]:
    statistics = make(2, 2), make(2, 2, low=0.5)
    rest = (*statistics, make(4), 2, 4, 3, 2)
    yield call(make(2, 4, 3), make(2, 4, 3), *rest, [True, True, True])
    yield call(make(2, 4, 3), make(2, 4, 3), *rest, [False, True, False])


# Convolution and pooling


def images(make: Make) -> Iterator[torch.Tensor]:
    yield make(2, 4, 6, 6)
    yield make(2, 4, 6, 6).to(memory_format=torch.channels_last)
    yield make(4, 6, 6)


@samples("avg_pool2d")
def avg_pool2d(make: Make) -> Iterator[Sample]:
    for image in images(make):
        yield call(image, [2, 2])
        yield call(image, [3, 3], [2, 2], [1, 1], True, False)
    yield call(make(2, 4, 6, 6), [9, 9])


@samples("max_pool3d_with_indices")
def max_pool3d(make: Make) -> Iterator[Sample]:
    yield call(make(2, 4, 6, 6, 6), [2, 2, 2])
    yield call(make(4, 6, 6, 6), [3], [2], [1], [1], True)
    yield call(make(2, 4, 6, 6, 6), [2, 2, 2], [2], [2])


@samples("max_pool3d_with_indices_backward")
def max_pool3d_backward(make: Make) -> Iterator[Sample]:
    options = ([2, 2, 2], [2, 2, 2], [0, 0, 0], [1, 1, 1], False)
    indices = make.index(2, 4, 3, 3, 3, below=216)
    yield call(make(2, 4, 3, 3, 3), make(2, 4, 6, 6, 6), *options, indices)


@samples("_adaptive_avg_pool3d")
def adaptive_avg_pool3d(make: Make) -> Iterator[Sample]:
    yield call(make(2, 4, 6, 6, 6), [3, 2, 1])
    yield call(make(2, 4, 6, 6, 6).to(memory_format=torch.channels_last_3d), [3, 2, 2])


@samples("_adaptive_avg_pool3d_backward")
def adaptive_avg_pool3d_backward(make: Make) -> Iterator[Sample]:
    image = make(2, 4, 6, 6, 6)
    yield call(make(2, 4, 3, 2, 2), image)
    yield call(make(2, 4, 3, 2, 2), image.to(memory_format=torch.channels_last_3d))


@samples("avg_pool2d_backward")
def avg_pool2d_backward(make: Make) -> Iterator[Sample]:
    options = ([2, 2], [2, 2], [0, 0], False, True, None)
    yield call(make(2, 4, 3, 3), make(2, 4, 6, 6), *options)


@samples("avg_pool3d")
def avg_pool3d(make: Make) -> Iterator[Sample]:
    yield call(make(2, 4, 6, 6, 6), [2, 2, 2])


@samples("avg_pool3d_backward")
def avg_pool3d_backward(make: Make) -> Iterator[Sample]:
    options = ([2, 2, 2], [2, 2, 2], [0, 0, 0], False, True, None)
    yield call(make(2, 4, 3, 3, 3), make(2, 4, 6, 6, 6), *options)


@samples("max_pool2d_with_indices")
def max_pool2d(make: Make) -> Iterator[Sample]:
    for image in images(make):
        yield call(image, [2, 2])
        yield call(image, [3, 3], [2, 2], [1, 1])


@samples("max_pool2d_with_indices_backward")
def max_pool2d_backward(make: Make) -> Iterator[Sample]:
    options = ([2, 2], [2, 2], [0, 0], [1, 1], False)
    yield call(make(2, 4, 3, 3), make(2, 4, 6, 6), *options, make.index(2, 4, 3, 3, below=36))


@samples("adaptive_max_pool2d adaptive_avg_pool2d _adaptive_avg_pool2d")
def adaptive_pool2d(make: Make) -> Iterator[Sample]:
    for image in images(make):
        yield call(image, [3, 2])
    yield call(make(2, 6, 6), [3])


@samples("adaptive_max_pool2d_backward")
def adaptive_max_pool2d_backward(make: Make) -> Iterator[Sample]:
    yield call(make(2, 4, 3, 2), make(2, 4, 6, 6), make.index(2, 4, 3, 2, below=36))


@samples("adaptive_max_pool3d")
def adaptive_pool3d(make: Make) -> Iterator[Sample]:
    yield call(make(2, 4, 6, 6, 6), [3, 2, 2])


@samples("adaptive_max_pool3d_backward")
def adaptive_max_pool3d_backward(make: Make) -> Iterator[Sample]:
    indices = make.index(2, 4, 3, 2, 2, below=216)
    yield call(make(2, 4, 3, 2, 2), make(2, 4, 6, 6, 6), indices)


@samples("_adaptive_avg_pool2d_backward")
def adaptive_avg_pool2d_backward(make: Make) -> Iterator[Sample]:
    for image in images(make):
        yield call(make(*image.shape[:-2], 3, 2), image)


# Resampling and padding


def resampling(rank: int, options: tuple[Any, ...]) -> tuple[Samples, Samples]:
    small, large = [4] * rank, [7] * rank
    scales = (None,) * rank

    def forward(make: Make) -> Iterator[Sample]:
        if make.dtype is torch.uint8:  # the CPU kernel writes out of bounds of some outputs
            return
        yield call(make(2, 3, *small), large, *options, *scales)
        yield call(make(2, 3, *small), [0] * rank, *options, *scales)

    def backward(make: Make) -> Iterator[Sample]:
        yield call(make(2, 3, *large), large, [2, 3, *small], *options, *scales)

    return forward, backward


for root, rank, options in (
    ("upsample_nearest1d", 1, ()),
    ("upsample_nearest2d", 2, ()),
    ("upsample_nearest3d", 3, ()),
    ("_upsample_nearest_exact1d", 1, ()),
    ("_upsample_nearest_exact2d", 2, ()),
    ("_upsample_nearest_exact3d", 3, ()),
    ("upsample_linear1d", 1, (False,)),
    ("upsample_bilinear2d", 2, (True,)),
    ("upsample_trilinear3d", 3, (False,)),
    ("upsample_bicubic2d", 2, (True,)),
):
    SAMPLES[root], SAMPLES[f"{root}_backward"] = resampling(rank, options)


def padding(rank: int) -> tuple[Samples, Samples]:
    small, large, amount = [4] * rank, [7] * rank, [1, 2] * rank

    def forward(make: Make) -> Iterator[Sample]:
        yield call(make(2, 3, *small), amount)
        yield call(make(2, 3, *small), [5] * 2 * rank)

    def backward(make: Make) -> Iterator[Sample]:
        yield call(make(2, 3, *large), make(2, 3, *small), amount)

    return forward, backward


for rank in (1, 2, 3):
    for root in (f"reflection_pad{rank}d", f"replication_pad{rank}d"):
        SAMPLES[root], SAMPLES[f"{root}_backward"] = padding(rank)


# Losses


@samples("mse_loss smooth_l1_loss")
def regression(make: Make) -> Iterator[Sample]:
    for reduction in (0, 1, 2):
        yield call(make(3, 4), make(3, 4), reduction)
    yield call(make(4, 3).t(), make(4), 0)


@samples("mse_loss_backward")
def mse_loss_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), make(3, 4), 0)
    yield call(make(), make(4, 3).t(), make(3, 4), 1)


@samples("smooth_l1_loss_backward huber_loss_backward")
def smooth_loss_backward(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), make(3, 4), make(3, 4), 0, 2.0)
    yield call(make(), make(4, 3).t(), make(3, 4), 1, 2.0)


@samples("huber_loss")
def huber_loss(make: Make) -> Iterator[Sample]:
    for reduction in (0, 1, 2):
        yield call(make(3, 4), make(3, 4), reduction, 0.5)
    yield call(make(4, 3).t(), make(3, 4), 0, 0.5)
    yield call(make(3, 4), make(3, 4), 1, -1.0)


@samples("binary_cross_entropy")
def binary_cross_entropy(make: Make) -> Iterator[Sample]:
    for reduction in (0, 1, 2):
        probability, target = make(3, 4, low=0, high=1), make(3, 4, low=0, high=1)
        yield call(probability, target, make(4, low=0), reduction)
    yield call(make(3, 4, low=0, high=1), make(4, low=0, high=1), None, 1)


@samples("binary_cross_entropy_backward")
def binary_cross_entropy_backward(make: Make) -> Iterator[Sample]:
    probability, target = make(3, 4, low=0.1, high=0.9), make(3, 4, low=0, high=1)
    yield call(make(3, 4), probability, target, None, 0)
    yield call(make(), probability, target, make(4, low=0), 1)


@samples("nll_loss_forward")
def nll_loss(make: Make) -> Iterator[Sample]:
    for reduction in (0, 1, 2):
        yield call(make(3, 4), make.index(3, below=4), make(4, low=0.5), reduction, -100)
    yield call(make(3, 4), make.index(3, below=4), None, 1, 0)
    yield call(make(3, 4), make.index(3, below=4).int(), None, 1, 0)
    yield call(make(3, 4), make.index(2, below=4), None, 1, 0)


@samples("nll_loss_backward")
def nll_loss_backward(make: Make) -> Iterator[Sample]:
    target, total = make.index(3, below=4), torch.tensor(3).to(make.dtype)
    yield call(make(), make(3, 4), target, None, 1, -100, total)
    yield call(make(3), make(3, 4), target, make(4, low=0.5), 0, -100, total)


@samples("nll_loss2d_forward")
def nll_loss2d(make: Make) -> Iterator[Sample]:
    for reduction in (0, 1, 2):
        target = make.index(2, 3, 5, below=4)
        yield call(make(2, 4, 3, 5), target, make(4, low=0.5), reduction, -100)


@samples("nll_loss2d_backward")
def nll_loss2d_backward(make: Make) -> Iterator[Sample]:
    target, total = make.index(2, 3, 5, below=4), torch.tensor(30).to(make.dtype)
    yield call(make(), make(2, 4, 3, 5), target, None, 1, -100, total)
    yield call(make(2, 3, 5), make(2, 4, 3, 5), target, None, 0, -100, total)


# Indexing


@samples("cat")
def cat(make: Make) -> Iterator[Sample]:
    yield call([make(3, 4), make(2, 4)])
    yield call([make(4, 3).t(), make(3, 5), make(0)], 1)
    yield call([make(2, 3, 4, 5).to(memory_format=torch.channels_last)] * 2, 1)
    yield call([make(3, 4), make(3, 4).double()])
    yield call([make(3, 4), make(2, 5)])


@samples("gather")
def gather(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, make.index(3, 2, below=4))
    yield call(make(4, 3).t(), 0, make.index(2, 4, below=3))
    yield call(make(3, 4), 1, make.index(3, 2, below=4).short())
    yield call(make(3, 4), 1, make.index(5, 2, below=4))


@samples("scatter.src scatter_add")
def scatter(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, torch.tensor([[0, 2], [1, 3], [2, 0]]), make(3, 2))
    yield call(make(3, 4), 1, make.index(3, 2, below=4), make(3, 2).double())


@samples("scatter.value")
def scatter_value(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, make.index(3, 2, below=4), 1)


@samples("index_add")
def index_add(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, torch.tensor([0, 2]), make(3, 2))
    yield call(make(3, 4), 0, torch.tensor([0, 2], dtype=torch.int32), make(2, 4), alpha=2)


@samples("index_copy")
def index_copy(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, torch.tensor([0, 2]), make(3, 2))
    yield call(make(3, 4), 1, torch.tensor([0, 2]), make(3, 3))


@samples("index_select")
def index_select(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, torch.tensor([0, 2]))
    yield call(make(4, 3).t(), 0, torch.tensor([0, 2], dtype=torch.int32))
    yield call(make(), 0, torch.tensor([0]))
    yield call(make(3, 4), 2, torch.tensor([0]))
    yield call(make(3, 4), 0, torch.tensor([[0]]))


@samples("index.Tensor")
def index(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), [torch.tensor([0, 2])])
    yield call(make(3, 4, 5), [None, torch.tensor([[0], [3]]), torch.tensor([1, 2])])
    yield call(make(3, 4, 5), [torch.tensor([0, 2]), None, torch.tensor([1, 2])])
    yield call(make(3, 4), [OnCpu(torch.tensor([0, 2]))])
    yield call(make(3, 4), [make.mask(3)])
    yield call(make(3, 4), [torch.tensor([0, 2]), torch.tensor([0, 1, 2])])


@samples("_index_put_impl_")
def index_put(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), [torch.tensor([0, 2])], make(4))
    yield call(make(3, 4, 5), [torch.tensor([0, 2]), None, torch.tensor([1, 2])], make(2, 4))
    yield call(make(3, 4), [torch.tensor([0, 0])], make(2, 4), True)
    yield call(make(3, 4), [OnCpu(torch.tensor([0, 2]))], OnCpu(make()))
    yield call(make(3, 4), [make.mask(3)], make(4))
    yield call(make(3, 4), [OnCpu(make.mask(3))], OnCpu(make()))
    yield call(make(3, 4), [torch.tensor([0, 2])], make(3, 4))
    yield call(make(3, 4), [torch.tensor([0, 2])], make(4).double())


@samples("embedding_dense_backward")
def embedding_backward(make: Make) -> Iterator[Sample]:
    yield call(make(2, 3, 4), make.index(2, 3, below=5), 5, -1, False)
    yield call(make(3, 4), make.index(3, below=5), 5, 1, True)


@samples("flip")
def flip(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor, [tensor.dim() - 1] if tensor.dim() else [])
    yield call(make(3, 4), [0, 0])


@samples("scatter_reduce.two")
def scatter_reduce(make: Make) -> Iterator[Sample]:
    index = torch.tensor([[0, 2], [1, 3], [2, 0]])
    for reduction in ("sum", "amax", "prod", "nonsense"):
        yield call(make(3, 4), 1, index, make(3, 2), reduction)
    yield call(make(3, 4), 1, index, make(3, 2), "mean", include_self=False)


@samples("index_fill_.int_Scalar")
def index_fill(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, torch.tensor([0, 2]), 1)
    yield call(make(4, 3).t(), 0, torch.tensor([0, 2]), 1e30)
    yield call(make(3, 4), 2, torch.tensor([0, 2]), 1)


@samples("index_fill_.int_Tensor")
def index_fill_tensor(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4), 1, torch.tensor([0, 2]), make())
    yield call(make(3, 4), 1, torch.tensor([0, 2]), OnCpu(make()))
    yield call(make(3, 4), 1, torch.tensor([0, 2]), make(2))


@samples("roll")
def roll(make: Make) -> Iterator[Sample]:
    for tensor in make.layouts():
        yield call(tensor, [1], [0])
    yield call(make(3, 4), [1, 2], [0, 1])
    yield call(make(3, 4), [5])


@samples("tril triu")
def triangle(make: Make) -> Iterator[Sample]:
    yield call(make(3, 4))
    yield call(make(2, 4, 3).mT, 1)
    yield call(make(3))


# Sequences


@samples("arange.start_out")
def arange(make: Make) -> Iterator[Sample]:
    for shape in ((0,), (5,), (5, 1)):
        yield call(0, 10, 2, out=make(*shape))
    yield call(0.5, 3, 0.25, out=make(0))
    yield call(3, 1, 1, out=make(0))


@samples("linspace.out logspace.out")
def linspace(make: Make) -> Iterator[Sample]:
    for shape in ((0,), (5,), (5, 1)):
        yield call(0, 4, 5, out=make(*shape))
    yield call(0, 4, -1, out=make(0))


# Lists


def lists(make: Make, count: int, low: float = -4) -> list[list[torch.Tensor]]:
    return [[make(3, 4, low=low), make(5, low=low), make(low=low)] for _ in range(count)]


@samples(
    "_foreach_abs _foreach_exp _foreach_neg _foreach_reciprocal _foreach_rsqrt _foreach_sigmoid",
    "_foreach_sign _foreach_sqrt _foreach_zero_",
)
def foreach_unary(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 1, low=1))
    yield call([])


LIST_OPERATORS = ("add", "sub", "mul", "div", "maximum", "minimum", "clamp_min", "clamp_max", "pow")


@samples(*(f"_foreach_{name}.Scalar" for name in LIST_OPERATORS))
def foreach_scalar(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 1, low=1), 2)
    yield call(*lists(make, 1, low=1), 1.5)


@samples(*(f"_foreach_{name}.List" for name in LIST_OPERATORS))
def foreach_list(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 2, low=1))
    yield call(lists(make, 1)[0], [make(4, low=1), torch.ones(5).double(), make(low=1)])
    yield call(lists(make, 1)[0], [make(4, low=1)])


@samples(*(f"_foreach_{name}.ScalarList" for name in LIST_OPERATORS))
def foreach_scalar_list(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 1, low=1), [1, 2, 3])
    yield call(*lists(make, 1, low=1), [1, 2])


@samples("_foreach_add.Tensor _foreach_mul.Tensor _foreach_div.Tensor")
def foreach_tensor(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 1), make(low=1))
    yield call(*lists(make, 1), OnCpu(make(low=1)))


@samples("_foreach_addcmul.Scalar _foreach_addcdiv.Scalar")
def foreach_products(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 3, low=1), 2)


@samples("_foreach_addcmul.ScalarList _foreach_addcdiv.ScalarList")
def foreach_products_by_list(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 3, low=1), [1, 2, 3])


@samples("_foreach_lerp.Scalar")
def foreach_lerp(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 2), 0.25)


@samples("_foreach_lerp.List")
def foreach_lerp_by_tensor(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 3))


@samples("_foreach_lerp.ScalarList")
def foreach_lerp_by_list(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 2), [0.25, 0.5, 0.75])


@samples("_foreach_copy_")
def foreach_copy(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 2))


@samples("_foreach_norm.Scalar")
def foreach_norm(make: Make) -> Iterator[Sample]:
    for order in (1, 2, math.inf):
        yield call(*lists(make, 1), order)


def optimizer_step(make: Make, states: int, **options: Any) -> Sample:
    steps = [torch.tensor(2.0), torch.tensor(3.0), torch.tensor(1.0)]
    tensors = lists(make, 2) + lists(make, states, low=1)
    return call(*tensors, *([[]] if states == 2 else []), steps, **options)


@samples("_fused_adam_ _fused_adamw_")
def fused_adam(make: Make) -> Iterator[Sample]:
    yield optimizer_step(make, 2, **ADAM, lr=0.1)


@samples("_fused_adam_.tensor_lr _fused_adamw_.tensor_lr")
def fused_adam_tensor_lr(make: Make) -> Iterator[Sample]:
    yield optimizer_step(make, 2, **ADAM, lr=torch.tensor(0.1))


ADAM = {
    "beta1": 0.9,
    "beta2": 0.99,
    "weight_decay": 0.1,
    "eps": 1e-6,
    "amsgrad": False,
    "maximize": False,
}


@samples("_fused_adagrad_")
def fused_adagrad(make: Make) -> Iterator[Sample]:
    options = {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-6, "maximize": False}
    yield optimizer_step(make, 1, **options)


SGD = {
    "weight_decay": 0.1,
    "momentum": 0.9,
    "dampening": 0.1,
    "nesterov": False,
    "maximize": False,
    "is_first_step": False,
}


@samples("_fused_sgd_")
def fused_sgd(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 3), **SGD, lr=0.1)


@samples("_fused_sgd_.tensor_lr")
def fused_sgd_tensor_lr(make: Make) -> Iterator[Sample]:
    yield call(*lists(make, 3), **SGD, lr=torch.tensor(0.1))
