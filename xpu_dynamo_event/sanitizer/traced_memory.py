"""Allocations as torch's GPU trace tells of them: addresses, without sizes and without streams.

A size is known once a tensor is seen there. The allocator promises to hand memory out again only
after the uses that it was told of (``record_stream``); when it does, it has kept that promise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch

from .log import Lane


class _Block(NamedTuple):
    size: int
    uses: frozenset[Lane]  # that the allocator was told of


class TracedMemory:
    """Turns what is told into the operations of a log.

    Args:
        add: Called with the kind of an operation, its stream, and further fields.
    """

    def __init__(self, add: Callable[..., None]) -> None:
        self._add = add
        self._new: dict[int, Lane] = {}  # by address: handed out, of a size that is not known yet
        self._live: dict[int, _Block] = {}
        self._freed: dict[int, _Block] = {}

    def allocated(self, address: int, lane: Lane) -> None:
        """Memory was handed out for a stream."""
        self._new[address] = lane

    def seen(self, tensors: Iterable[torch.Tensor]) -> None:
        """An operator has used these; new memory in them has a size now."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            address, size = storage.data_ptr(), storage.nbytes()
            if (lane := self._new.pop(address, None)) is not None and size:
                self._reclaim(address, size)
                self._live[address] = _Block(size, frozenset())
                self._add("allocate", lane, address=address, size=size)

    def noted(self, tensor: torch.Tensor, lane: Lane) -> None:
        """The allocator was told that a stream uses the memory of a tensor."""
        storage = tensor.untyped_storage()
        address = storage.data_ptr()
        block = self._live.get(address, _Block(storage.nbytes(), frozenset()))
        self._live[address] = block._replace(uses=block.uses | {lane})

    def freed(self, address: int) -> None:
        """Memory was given back."""
        self._new.pop(address, None)
        block = self._live.pop(address, None)
        if block is None:
            return
        for lane in block.uses:
            self._add("hold", lane, address=address, size=block.size)
        self._freed[address] = block
        self._add("free", None, address=address, size=block.size)

    def _reclaim(self, begin: int, size: int) -> None:
        overlapping = {
            address: block
            for address, block in self._freed.items()
            if address < begin + size and begin < address + block.size
        }
        for address, block in overlapping.items():
            for lane in block.uses:
                self._add("reclaim", lane, address=address, size=block.size)
            del self._freed[address]
