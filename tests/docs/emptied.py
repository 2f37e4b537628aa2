"""An environment with nothing but pip, in which commands of the pages install what they name.

What a command installs comes from the environment of the tests, by links: nothing is downloaded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from pages import ROOT


def closure(names: Iterator[str] | list[str]) -> dict[str, metadata.Distribution]:
    """Distributions by name, with all that they need here."""
    found: dict[str, metadata.Distribution] = {}
    left = list(names)
    while left:
        name = canonical(left.pop())
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        for text in found[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                left.append(requirement.name)
    return found


def canonical(name: str) -> str:
    """A name of a distribution as indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Emptied:
    """An environment that has pip."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.folder = folder
        self.installed: set[str] = set()
        self.link(["pip"])

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def link(self, names: list[str]) -> None:
        """Install distributions of this environment, and all that they need."""
        for name, distribution in closure(names).items():
            if name not in self.installed:
                self.installed.add(name)
                for file in distribution.files or []:
                    self._link(Path(str(file)), Path(str(file.locate())))

    def _link(self, name: Path, original: Path) -> None:
        # Names are relative to site-packages; "../../../lib/libsycl.so.9" leads out of it.
        target = Path(os.path.normpath(self.packages / name))
        if original.exists() and not target.exists() and "__pycache__" not in name.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(os.path.realpath(original))

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run its Python."""
        variables = {
            name: value
            for name, value in os.environ.items()
            if name not in {"PYTHONPATH", "VIRTUAL_ENV", "SYCL_ROOT", "CMPLR_ROOT"}
        }
        variables["PATH"] = f"{self.folder / 'bin'}:/usr/bin:/bin"
        return subprocess.run(
            [self.python, *arguments], cwd=cwd, env=variables, capture_output=True, text=True
        )

    def install(self, words: list[str]) -> None:
        """Do what ``pip install`` does with what an index has.

        Args:
            words: Behind ``pip install``.
        """
        if "--index-url" in words:
            place = words.index("--index-url")
            words = words[:place] + words[place + 2 :]
        requirements = [Requirement(word) for word in words]
        for each in requirements:
            version = metadata.version(each.name)
            assert each.specifier.contains(version, prereleases=True), f"{each}, here is {version}"
        self.link([each.name for each in requirements])

    def build(self, words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """Do what ``pip install`` does with a source tree, but only configure what it builds.

        Args:
            words: Behind ``pip install``.
            folder: For what CMake writes.
        """
        options = {"build-dir": folder, "build.targets": "help", "install.components": "none"}
        configure = [f"-C{name}={value}" for name, value in options.items()]
        return self.run("-m", "pip", "install", "--no-deps", "-v", *configure, *words, cwd=ROOT)
