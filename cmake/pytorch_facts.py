"""Prints what CMake has to know about the torch of this environment, one fact a line."""

import importlib.util
import pathlib
import sys

spec = importlib.util.find_spec("torch")
if spec is None or spec.origin is None:
    sys.exit("torch is not installed. Searched: " + ", ".join(filter(None, sys.path)))

import torch  # noqa: E402  (only once it is known to be there)

root = pathlib.Path(spec.origin).parent
print(f"ROOT={root}")
print(f"VERSION={torch.__version__.split('+')[0]}")
print(f"CXX11_ABI={int(torch._C._GLIBCXX_USE_CXX11_ABI)}")
print(f"HAS_XPU={int(torch._C._has_xpu)}")
