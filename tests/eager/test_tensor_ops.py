"""Operators on the device give what they give on the CPU, whichever way they run there."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.utils._pytree import tree_flatten, tree_map

pytestmark = pytest.mark.own_runtime(reason="its tensors and kernels")

Case = Callable[[Callable[[torch.Tensor], torch.Tensor]], Any]


def values(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(len(shape) + sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def indices(*shape: int, below: int) -> torch.Tensor:
    return torch.randint(0, below, shape, generator=torch.Generator().manual_seed(1))


V, M, B = values(7), values(4, 5), values(2, 3, 4)
S = values(4, 4) @ values(4, 4).t() + 5 * torch.eye(4)
I = indices(4, 3, below=5)  # noqa: E741
IMAGE = values(2, 3, 8, 8)

# Every case takes `to`, which puts a tensor on the device under test.
CASES: dict[str, Case] = {
    # views
    "view": lambda to: to(M).view(5, 4),
    "reshape_copy": lambda to: to(M).t().reshape(20),
    "transpose": lambda to: to(B).transpose(0, 2).contiguous(),
    "permute": lambda to: to(B).permute(2, 0, 1) + 1,
    "narrow": lambda to: to(M).narrow(1, 1, 3) * 2,
    "select": lambda to: to(M)[2],
    "slice_step": lambda to: to(M)[::2, 1::2] + 0,
    "ellipsis": lambda to: to(B)[..., None, 1],
    "expand": lambda to: to(V)[:, None].expand(7, 3).sum(1),
    "unfold": lambda to: to(V).unfold(0, 3, 2),
    "as_strided": lambda to: to(V).as_strided((2, 3), (2, 1), 1),
    "diagonal": lambda to: to(M).diagonal() * 2,
    "chunk": lambda to: to(M).chunk(2, 1),
    "split": lambda to: to(V).split([3, 4]),
    "unbind": lambda to: to(M).unbind(),
    "squeeze": lambda to: to(M)[None].squeeze(0),
    "flatten": lambda to: to(B).flatten(1),
    "movedim": lambda to: to(B).movedim(0, -1),
    "view_dtype": lambda to: to(V).view(torch.int32),
    "view_dtype_smaller": lambda to: to(V).view(torch.uint8),
    "view_as_real": lambda to: torch.view_as_real(to(values(3, dtype=torch.complex64))),
    "view_as_complex": lambda to: torch.view_as_complex(to(values(3, 2))).abs(),
    "conj": lambda to: to(values(3, dtype=torch.complex64)).conj() * 2,
    "conj_resolve": lambda to: to(values(3, dtype=torch.complex64)).conj().resolve_conj(),
    "imag_neg": lambda to: to(values(3, dtype=torch.complex64)).conj().imag + 0,
    "real_write": lambda to: _edit(to(values(3, dtype=torch.complex64)), lambda t: t.real.zero_()),
    "view_write": lambda to: _edit(to(M), lambda t: t[1:, 2].mul_(3)),
    "fill_slice": lambda to: _edit(to(M), lambda t: t[:, ::2].fill_(4)),
    # creation
    "zeros": lambda to: torch.zeros_like(to(M)),
    "ones": lambda to: to(M).new_ones(3, 2),
    "full": lambda to: to(M).new_full((2,), 7),
    "eye": lambda to: torch.eye(3, 4, device=to(M).device),
    "arange": lambda to: torch.arange(1, 10, 2, device=to(M).device),
    "linspace": lambda to: torch.linspace(0, 1, 5, device=to(M).device),
    "logspace": lambda to: torch.logspace(0, 1, 5, device=to(M).device),
    "tensor": lambda to: torch.tensor([[1, 2], [3, 4]], device=to(M).device),
    "tril_indices": lambda to: torch.tril_indices(3, 3, device=to(M).device),
    "vander": lambda to: torch.vander(to(V)),
    "complex": lambda to: torch.complex(to(V), to(V)),
    "empty_channels_last": lambda to: (
        to(IMAGE).contiguous(memory_format=torch.channels_last).stride()
    ),
    # reductions and scans
    "argmax": lambda to: to(M).argmax(1),
    "max_dim": lambda to: to(M).max(1),
    "median": lambda to: to(V).median(),
    "mode": lambda to: to(I).mode(1),
    "kthvalue": lambda to: to(V).kthvalue(2),
    "cumsum": lambda to: to(M).cumsum(1),
    "cumprod": lambda to: to(M).cumprod(0),
    "logcumsumexp": lambda to: to(M).logcumsumexp(1),
    "cummax": lambda to: to(M).cummax(1),
    "std_mean": lambda to: torch.std_mean(to(M), 1),
    "var": lambda to: to(M).var(),
    "norm": lambda to: to(M).norm(3, dim=1),
    "quantile": lambda to: to(V).quantile(0.3),
    "histc": lambda to: to(V).histc(4),
    "bincount": lambda to: to(I).flatten().bincount(),
    "unique": lambda to: to(I).unique(return_counts=True, return_inverse=True),
    "unique_consecutive": lambda to: to(I).flatten().unique_consecutive(return_counts=True),
    "any_all": lambda to: (to(M).bool().all(), (to(M) > 5).any(1)),
    "count_nonzero": lambda to: to(I).count_nonzero(1),
    "sort": lambda to: to(M).sort(1, descending=True),
    "argsort": lambda to: to(V).argsort(),
    "topk": lambda to: to(M).topk(2, 1),
    "searchsorted": lambda to: torch.searchsorted(to(V).sort()[0], to(M)),
    "bucketize": lambda to: torch.bucketize(to(M), to(V).sort()[0]),
    "trapezoid": lambda to: torch.trapezoid(to(M)),
    # indexing
    "index": lambda to: to(M)[to(I[:, 0] % 4), to(I[:, 1])],
    "index_mask": lambda to: to(M)[to(M) > 0],
    "index_none": lambda to: to(M)[None, to(I[0] % 4)],
    "index_put": lambda to: _edit(to(M), lambda t: t.__setitem__(to(I[:, 0] % 4), 5.0)),
    "index_put_accumulate": lambda to: to(V).index_put((to(I[0]),), to(V[:3]), accumulate=True),
    "masked_fill": lambda to: to(M).masked_fill(to(M) > 0, 9),
    "masked_scatter": lambda to: to(M).masked_scatter(to(M) > 0, to(values(20))),
    "masked_select": lambda to: to(M).masked_select(to(M) > 0),
    "nonzero": lambda to: (to(I) > 2).nonzero(),
    "nonzero_tuple": lambda to: (to(I) > 2).nonzero(as_tuple=True),
    "gather": lambda to: to(M).gather(1, to(I)),
    "scatter": lambda to: to(M).scatter(1, to(I), 3.0),
    "scatter_add": lambda to: to(M).scatter_add(1, to(I), to(values(4, 3))),
    "scatter_reduce": lambda to: to(M).scatter_reduce(1, to(I), to(values(4, 3)), "amax"),
    "index_select": lambda to: to(M).index_select(1, to(I[0])),
    "index_add": lambda to: to(M).index_add(1, to(I[0]), to(values(4, 3))),
    "index_fill": lambda to: to(M).index_fill(1, to(I[0]), 1.0),
    "take": lambda to: to(M).take(to(I)),
    "take_along_dim": lambda to: to(M).take_along_dim(to(I), 1),
    "put": lambda to: to(M).put(to(I[0]), to(V[:3])),
    "where_one": lambda to: torch.where(to(I) > 2),
    "roll": lambda to: to(M).roll(2, 1),
    "flip": lambda to: to(M).flip(0, 1),
    "rot90": lambda to: to(M).rot90(),
    "repeat_interleave": lambda to: to(V).repeat_interleave(to(I[:1].flatten().repeat(3)[:7])),
    "tile": lambda to: to(V).tile(2, 2),
    "meshgrid": lambda to: torch.meshgrid(to(V), to(V[:2]), indexing="ij"),
    "cartesian": lambda to: torch.cartesian_prod(to(V), to(V[:2])),
    "stack": lambda to: torch.stack([to(V), to(V) + 1], 1),
    "cat": lambda to: torch.cat([to(M), to(M).t().reshape(4, 5)], 1),
    "block_diag": lambda to: torch.block_diag(to(M), to(V)),
    "pad_reflect": lambda to: F.pad(to(B), (1, 2), mode="reflect"),
    "pad_constant": lambda to: F.pad(to(M), (1, 0, 2, 1), value=3),
    # arithmetic with odd types
    "promotion": lambda to: (to(I) * 2.5, to(I) / 2, to(I) // 2, to(M) + to(I[:, :1])),
    "bool_ops": lambda to: (to(I) > 2) & (to(I) < 4) | ~(to(I) == 0),
    "bit_ops": lambda to: (to(I) << 2, to(I) ^ 3, ~to(I)),
    "remainder": lambda to: (to(M) % 2, to(M).fmod(2), to(I) % 3),
    "half": lambda to: to(M).half() * to(M.t()).half().mean(),
    "bfloat16": lambda to: to(M).bfloat16() * 2,
    "float8": lambda to: to(M).to(torch.float8_e4m3fn).float(),
    "int8": lambda to: to(M).mul(10).to(torch.int8),
    "nan_to_num": lambda to: (to(M) / 0).nan_to_num(),
    "isclose": lambda to: (to(M).isclose(to(M)), torch.allclose(to(M), to(M) + 1)),
    "equal": lambda to: (torch.equal(to(M), to(M)), torch.equal(to(M), to(M) + 1)),
    "item": lambda to: (to(M)[1, 2].item(), to(M).sum().tolist(), bool(to(M)[0, 0] == 0)),
    "lerp": lambda to: torch.lerp(to(M), to(M) + 1, 0.3),
    "addcmul": lambda to: torch.addcmul(to(M), to(M), to(M), value=2),
    "gamma": lambda to: (to(M).abs() + 1).lgamma(),
    "erfinv": lambda to: to(M).tanh().erfinv(),
    "bessel": lambda to: torch.special.i0e(to(M)),
    "xlogy": lambda to: torch.xlogy(to(M).abs(), to(M).abs()),
    "frexp": lambda to: torch.frexp(to(M)),
    "atan2": lambda to: torch.atan2(to(M), to(M) + 1),
    "renorm": lambda to: to(M).renorm(2, 0, 1.0),
    # linear algebra
    "matmul_broadcast": lambda to: to(B) @ to(values(4, 2)),
    "einsum": lambda to: torch.einsum("bij,kj->bik", to(B), to(M[:, :4])),
    "addmv": lambda to: torch.addmv(to(M)[:, 0], to(M), to(values(5))),
    "outer": lambda to: torch.outer(to(V), to(V)),
    "dot": lambda to: to(V).dot(to(V)),
    "kron": lambda to: torch.kron(to(M), to(M)),
    "cross": lambda to: torch.linalg.cross(to(values(4, 3)), to(values(4, 3)) + 1),
    "cholesky": lambda to: torch.linalg.cholesky(to(S)),
    "inverse": lambda to: torch.linalg.inv(to(S)),
    "solve": lambda to: torch.linalg.solve(to(S), to(M)),
    "det": lambda to: torch.linalg.slogdet(to(S)),
    "svdvals": lambda to: torch.linalg.svdvals(to(M)),
    "eigvalsh": lambda to: torch.linalg.eigvalsh(to(S)),
    "qr": lambda to: torch.linalg.qr(to(S)).R.abs(),
    "lstsq": lambda to: torch.linalg.lstsq(to(S), to(M)).solution,
    "pinv": lambda to: torch.linalg.pinv(to(M)),
    "matrix_power": lambda to: torch.linalg.matrix_power(to(S), 3),
    "matrix_exp": lambda to: torch.linalg.matrix_exp(to(S) / 10),
    "triangular": lambda to: torch.linalg.solve_triangular(to(S).triu(), to(M), upper=True),
    "cdist": lambda to: torch.cdist(to(M), to(M) + 1),
    "baddbmm": lambda to: torch.baddbmm(to(values(2, 3, 3)), to(B), to(B).transpose(1, 2)),
    "fft": lambda to: torch.fft.rfft(to(M)),
    "ifft": lambda to: torch.fft.irfft(torch.fft.rfft(to(M)), n=5),
    "fft2": lambda to: torch.fft.fft2(to(M)),
    "stft": lambda to: torch.stft(
        to(values(64)), 16, window=torch.hann_window(16, device=to(V).device), return_complex=True
    ),
    # networks
    "conv1d": lambda to: F.conv1d(to(B), to(values(5, 3, 2)), to(values(5)), padding=1),
    "conv2d_groups": lambda to: F.conv2d(to(IMAGE), to(values(6, 1, 3, 3)), groups=3, stride=2),
    "conv2d_dilated": lambda to: F.conv2d(to(IMAGE), to(values(4, 3, 2, 2)), dilation=2),
    "conv_transpose": lambda to: F.conv_transpose2d(to(IMAGE), to(values(3, 4, 3, 3)), stride=2),
    "conv3d": lambda to: F.conv3d(to(values(1, 2, 4, 4, 4)), to(values(3, 2, 2, 2, 2))),
    "max_pool": lambda to: F.max_pool2d(to(IMAGE), 2, return_indices=True),
    "avg_pool": lambda to: F.avg_pool2d(to(IMAGE), 3, stride=2, padding=1),
    "adaptive_pool": lambda to: F.adaptive_avg_pool2d(to(IMAGE), 3),
    "adaptive_max": lambda to: F.adaptive_max_pool2d(to(IMAGE), 3),
    "max_unpool": lambda to: F.max_unpool2d(*F.max_pool2d(to(IMAGE), 2, return_indices=True), 2),
    "interpolate": lambda to: F.interpolate(to(IMAGE), scale_factor=2, mode="bilinear"),
    "interpolate_bicubic": lambda to: F.interpolate(to(IMAGE), size=(5, 11), mode="bicubic"),
    "grid_sample": lambda to: F.grid_sample(
        to(IMAGE), to(values(2, 4, 4, 2)).tanh(), align_corners=False
    ),
    "pixel_shuffle": lambda to: F.pixel_shuffle(to(values(1, 8, 3, 3)), 2),
    "unfold_im2col": lambda to: F.unfold(to(IMAGE), 3),
    "fold": lambda to: F.fold(F.unfold(to(IMAGE), 2, stride=2), (8, 8), 2, stride=2),
    "batch_norm": lambda to: F.batch_norm(to(IMAGE), to(values(3)), to(values(3)).abs()),
    "group_norm": lambda to: F.group_norm(to(values(2, 4, 3)), 2),
    "layer_norm": lambda to: F.layer_norm(to(B), (4,), to(values(4)), to(values(4))),
    "rms_norm": lambda to: F.rms_norm(to(B), (4,)),
    "instance_norm": lambda to: F.instance_norm(to(IMAGE)),
    "local_response": lambda to: F.local_response_norm(to(IMAGE), 2),
    "embedding": lambda to: F.embedding(to(I), to(M.t().contiguous())),
    "embedding_bag": lambda to: F.embedding_bag(to(I), to(M.t().contiguous()), mode="mean"),
    "one_hot": lambda to: F.one_hot(to(I), 5),
    "cross_entropy": lambda to: F.cross_entropy(to(M), to(I[:, 0]), label_smoothing=0.1),
    "nll_2d": lambda to: F.nll_loss(to(values(2, 5, 3)).log_softmax(1), to(indices(2, 3, below=5))),
    "bce": lambda to: F.binary_cross_entropy_with_logits(to(M), to(M).sigmoid()),
    "kl_div": lambda to: F.kl_div(
        to(M).log_softmax(1), (to(M) + 1).softmax(1), reduction="batchmean"
    ),
    "huber": lambda to: F.huber_loss(to(M), to(M) + 1),
    "triplet": lambda to: F.triplet_margin_loss(to(M), to(M) + 1, to(M) - 1),
    "ctc": lambda to: F.ctc_loss(
        to(values(10, 2, 5)).log_softmax(2),
        to(indices(2, 3, below=4) + 1),
        torch.tensor([10, 9]),
        torch.tensor([3, 2]),
    ),
    "gelu_glu": lambda to: (F.gelu(to(M)), F.glu(to(values(3, 4)))),
    "prelu": lambda to: F.prelu(to(M), to(values(1))),
    "sdpa": lambda to: F.scaled_dot_product_attention(*[to(values(2, 3, 4, 8))] * 3),
    "sdpa_causal": lambda to: F.scaled_dot_product_attention(
        *[to(values(2, 3, 4, 8))] * 3, is_causal=True, scale=0.3
    ),
    "sdpa_mask": lambda to: F.scaled_dot_product_attention(
        *[to(values(2, 3, 4, 8))] * 3, attn_mask=to(values(4, 4)) > -1
    ),
    "sdpa_gqa": lambda to: F.scaled_dot_product_attention(
        to(values(1, 4, 3, 8)),
        to(values(1, 2, 3, 8)),
        to(values(1, 2, 3, 8)),
        enable_gqa=True,
    ),
    "bilinear": lambda to: F.bilinear(to(M), to(M), to(values(2, 5, 5))),
    "pack_padded": lambda to: torch.nn.utils.rnn.pad_packed_sequence(
        torch.nn.utils.rnn.pack_padded_sequence(to(values(4, 2, 3)), torch.tensor([4, 2]))
    ),
    # lists
    "foreach": lambda to: torch._foreach_add([to(M), to(V)], [to(M), to(V)], alpha=2),
    "foreach_norm": lambda to: torch._foreach_norm([to(M), to(V)]),
    "clip_grad_norm": lambda to: torch.nn.utils.get_total_norm([to(M), to(V)]),
}


def _edit(tensor: torch.Tensor, change: Callable[[torch.Tensor], object]) -> torch.Tensor:
    tensor = tensor.clone()
    change(tensor)
    return tensor


@pytest.mark.parametrize("name", CASES)
def test_same_as_on_the_cpu(name: str) -> None:
    case = CASES[name]
    expected, structure = tree_flatten(case(lambda tensor: tensor))
    devices: list[torch.device] = []
    results, same_structure = tree_flatten(case(lambda tensor: tensor.to("xpu")))
    assert str(structure) == str(same_structure)
    for result, wanted in zip(results, expected, strict=True):
        if not isinstance(wanted, torch.Tensor):
            assert result == pytest.approx(wanted, rel=1e-5)
            continue
        devices.append(result.device)
        assert result.shape == wanted.shape
        assert result.stride() == wanted.stride()
        torch.testing.assert_close(result.cpu(), wanted)
    host_results = 1 if name == "pack_padded" else 0  # lengths are for the host
    assert [d.type for d in devices].count("cpu") == host_results


# ---- aliasing


def test_results_of_view_operators_share_memory() -> None:
    x = torch.zeros(4, 4, device="xpu")
    for view in (x.view(16), x.t(), x[1], x.diagonal(), x.unfold(0, 2, 1)):
        assert view.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        assert view._base is x
    assert x.view(torch.int32).data_ptr() == x.data_ptr()
    x.detach()[0].fill_(3)
    assert x[0].tolist() == [3.0] * 4


def test_in_place_returns_the_same_tensor() -> None:
    x = torch.randn(4, 4, device="xpu")
    for operator in (x.add_, x.erfinv_, x.xlogy_, x.clamp_):
        argument = (x,) if operator in (x.add_, x.xlogy_) else ()
        result = operator(*argument) if argument or operator == x.erfinv_ else operator(0)
        assert result is x


def test_arguments_that_alias_each_other() -> None:
    base, expected = torch.arange(8.0, device="xpu"), torch.arange(8.0)
    for tensor in (base, expected):
        torch._foreach_add_([tensor[:4], tensor[4:]], [tensor[4:], tensor[:4]])
        torch.special.xlogy(tensor, tensor, out=tensor)
    torch.testing.assert_close(base.cpu(), expected)


def test_version_counters_move() -> None:
    x = torch.ones(3, device="xpu")
    before = x._version
    x.add_(1)
    x.erfinv_()
    assert x._version == before + 2
    y = torch.ones(3, device="xpu", requires_grad=True)
    z = y.exp()
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


@pytest.mark.parametrize("start", [0, 2, 3, 9])
@pytest.mark.filterwarnings("ignore:An output with one or more elements was resized")
def test_out_is_resized_and_taken_over(start: int) -> None:
    a, b = torch.eye(3, device="xpu")[:2]
    for function in (torch.linalg.cross, torch.add, torch.special.xlogy):
        out = torch.full((start,), 5.0, device="xpu")
        same = function(a, b, out=out)
        assert same is out
        assert out.is_xpu
        torch.testing.assert_close(out.cpu(), function(a.cpu(), b.cpu()))
        assert out.untyped_storage().device.type == "xpu"
        out.add_(1)


def test_resize_and_set() -> None:
    x = torch.arange(6.0, device="xpu")
    x.resize_(2, 2)
    assert x.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    x.resize_(3, 4)
    assert x.flatten()[:6].tolist() == list(range(6))
    y = torch.empty(0, device="xpu").set_(x)
    assert y.data_ptr() == x.data_ptr()
    z = torch.empty(0, device="xpu").set_(x.untyped_storage(), 1, (2, 2), (2, 1))
    assert z.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert torch.ones(3, device="xpu").set_().numel() == 0
    assert y.is_set_to(x)
    x.data = torch.ones(2, device="xpu")
    assert x.tolist() == [1.0, 1.0]


# ---- random numbers


def test_seeds_repeat() -> None:
    def draw() -> list[torch.Tensor]:
        x = torch.empty(100, device="xpu")
        return [
            torch.rand(100, device="xpu"),
            torch.randn(100, device="xpu"),
            torch.randint(0, 100, (100,), device="xpu"),
            torch.randperm(100, device="xpu"),
            x.exponential_().clone(),
            torch.bernoulli(torch.full((100,), 0.5, device="xpu")),
            torch.multinomial(torch.ones(10, device="xpu"), 5),
            F.dropout(torch.ones(100, device="xpu"), 0.5),
            F.rrelu(torch.randn(100, device="xpu"), training=True),
            torch.poisson(torch.ones(100, device="xpu")),
        ]

    results = []
    for seed in (torch.manual_seed, torch.xpu.manual_seed, torch.xpu.manual_seed_all):
        seed(7)
        results.append([t.cpu() for t in draw()])
    for first, second, third in zip(*results, strict=True):
        assert torch.equal(first, second)
        assert torch.equal(first, third)
    assert all(not torch.equal(a, b.cpu()) for a, b in zip(results[0], draw(), strict=True))
    assert torch.xpu.initial_seed() == 7


def test_state_of_the_generator() -> None:
    state = torch.xpu.get_rng_state()
    assert state.device.type == "cpu"
    first = torch.rand(4, device="xpu")
    torch.xpu.set_rng_state(state)
    assert torch.equal(first, torch.rand(4, device="xpu"))
    with torch.random.fork_rng(device_type="xpu"):
        torch.rand(4, device="xpu")
        inside = torch.xpu.get_rng_state()
    assert not torch.equal(inside, torch.xpu.get_rng_state())
    assert len(torch.xpu.get_rng_state_all()) == torch.xpu.device_count()


def test_own_generators() -> None:
    generator = torch.Generator("xpu")
    assert generator.device.type == "xpu"
    generator.manual_seed(3)
    state = generator.get_state()
    first = torch.randn(4, generator=generator, device="xpu")
    generator.set_state(state)
    copied = generator.clone_state()
    assert torch.equal(first, torch.randn(4, generator=generator, device="xpu"))
    assert torch.equal(first, torch.randn(4, generator=copied, device="xpu"))
    before = torch.xpu.get_rng_state()
    torch.empty(4, device="xpu").cauchy_(generator=generator)
    assert torch.equal(before, torch.xpu.get_rng_state())
    assert generator.initial_seed() == 3


def test_the_cpu_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    torch.rand(4, device="xpu")
    torch.randperm(4, device="xpu")
    F.dropout(torch.ones(4, device="xpu"))
    assert torch.equal(before, torch.get_rng_state())


# ---- in and out of the process


def test_save_and_load() -> None:
    x = torch.arange(6.0, device="xpu").view(2, 3)
    buffer = io.BytesIO()
    torch.save({"x": x, "row": x[1]}, buffer)
    for location, device in ((None, "xpu"), ("cpu", "cpu"), ("xpu", "xpu")):
        buffer.seek(0)
        loaded = torch.load(buffer, map_location=location)
        assert loaded["x"].device.type == device
        assert torch.equal(loaded["x"].cpu(), x.cpu())
        assert (
            loaded["row"].untyped_storage().data_ptr() == loaded["x"].untyped_storage().data_ptr()
        )


def test_pickle_and_deepcopy() -> None:
    x = torch.arange(6.0, device="xpu").t()
    assert torch.equal(pickle.loads(pickle.dumps(x)), x)
    model = torch.nn.Linear(2, 2).to("xpu")
    twin = copy.deepcopy(model)
    assert twin.weight.is_xpu
    assert twin.weight.data_ptr() != model.weight.data_ptr()


def test_dlpack() -> None:
    x = torch.arange(4.0, device="xpu")
    y = torch.from_dlpack(x)
    assert y.device == x.device
    assert y.data_ptr() == x.data_ptr()
    assert torch.equal(torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x[1:])), x[1:])


def test_printing() -> None:
    assert (
        repr(torch.tensor([1.5, 2.0], device="xpu")) == "tensor([1.5000, 2.0000], device='xpu:0')"
    )


def test_transforms() -> None:
    x = torch.randn(5, 3, device="xpu")
    torch.testing.assert_close(torch.vmap(torch.sin)(x), x.sin())
    gradient = torch.func.grad(lambda t: (t**3).sum())(x)
    torch.testing.assert_close(gradient, 3 * x**2)
    jacobian = torch.func.jacrev(torch.sin)(x[0])
    torch.testing.assert_close(jacobian, x[0].cos().diag())
    _, tangent = torch.func.jvp(torch.exp, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(tangent, x.exp())


def test_modes() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        seen = 0

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            Count.seen += 1
            return func(*args, **(kwargs or {}))

    x = torch.eye(3, device="xpu")
    with Count():
        result = torch.linalg.cross(x, x + 1)
    assert Count.seen >= 2
    assert result.is_xpu
    with FakeTensorMode() as mode:
        fake = tree_map(mode.from_tensor, (x, x))
        result = torch.linalg.cross(*fake) @ fake[0]
        attention = F.scaled_dot_product_attention(*[fake[0][None, None]] * 3)
    assert result.device == x.device
    assert attention.device == x.device
    with torch.inference_mode():
        y = x + 1
        torch.xpu.synchronize()
    assert y.is_inference()
