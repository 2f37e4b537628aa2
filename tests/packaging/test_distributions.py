"""The content of the sdist and the wheel; the binaries are in test_wheel.py."""

from __future__ import annotations

import email
import email.message
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import layouts
import pytest
from emptied import Emptied
from once import Once

import xpu_dynamo_event
from xpu_dynamo_event.runtime import native_modules

ROOT = Path(__file__).parents[2]
PACKAGES = ("xpu_dynamo_event", "xpu_dynamo_event_autoload")

pytestmark = [
    pytest.mark.no_device,
    pytest.mark.skipif(not (ROOT / "CMakeLists.txt").exists(), reason="runs in a checkout"),
]


def build(kind: str, folder: Path, options: str = "None") -> Path:
    """Call what pip calls."""
    hook = f"from scikit_build_core.build import *; build_{kind}({str(folder)!r}, {options})"
    done = subprocess.run([sys.executable, "-c", hook], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = folder.iterdir()
    return result


@pytest.fixture(scope="module")
def sdist(once: Once) -> set[str]:
    """The names in the sdist."""
    (path,) = once.folder("sdist", lambda folder: build("sdist", folder)).iterdir()
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


@pytest.fixture(scope="module")
def wheel(once: Once) -> zipfile.ZipFile:
    """A wheel without its binaries, which takes no compiler."""
    options = '{"wheel.cmake": "false"}'
    (path,) = once.folder("wheel", lambda folder: build("wheel", folder, options)).iterdir()
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> email.message.Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_the_sdist_holds_what_is_in_version_control(sdist: set[str]) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no checkout of git")
    tracked = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert tracked <= sdist


def test_the_sdist_holds_nothing_that_was_built(sdist: set[str]) -> None:
    assert "PKG-INFO" in sdist
    built = re.compile(r"\.(so|o|pyc)$|^(build|dist|out|\.venv|\.git)/|build_facts\.json$")
    assert not [name for name in sdist if built.search(name)]


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    sources = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix not in {".so", ".json", ".pyc"}
    }
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == sources
    for needed in ("py.typed", "_native.pyi", "_runtime.pyi"):
        assert f"xpu_dynamo_event/{needed}" in names


def test_metadata(metadata: email.message.Message) -> None:
    assert metadata["Name"] == "xpu-dynamo-event"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    classifiers = metadata.get_all("Classifier", [])
    assert "Typing :: Typed" in classifiers
    for minor in (11, 12, 13):
        assert f"Programming Language :: Python :: 3.{minor}" in classifiers


def test_what_is_installed_with_it(metadata: email.message.Message) -> None:
    """Intel's runtime only when asked for: a torch with XPU pins its own."""
    required: dict[str, set[str]] = {}
    for requirement in metadata.get_all("Requires-Dist", []):
        name, _, condition = requirement.partition(";")
        extra = re.search(r"extra == '(\w+)'|extra == \"(\w+)\"", condition)
        key = next(filter(None, extra.groups())) if extra else ""
        required.setdefault(key, set()).add(re.split(r"[<>=!~ ]", name)[0])
    assert required[""] == {"torch"}
    assert required["cpu"] == {"intel-sycl-rt", "intel-opencl-rt"}
    assert {"matplotlib", "plotly"} <= required["demo"]
    assert {"pytest", "expecttest", "hypothesis"} <= required["test"]


def test_licences_and_entry_points(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert "xpu_dynamo_event_autoload:autoload" in wheel.read(entry_points).decode()


def test_the_version_is_in_one_place(metadata: email.message.Message) -> None:
    facts = native_modules.build_facts()  # CMake's
    assert facts is not None
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "version" not in project
    versions = {metadata["Version"], facts.version, xpu_dynamo_event.__version__}
    assert versions == {xpu_dynamo_event.__version__}
    assert layouts.PACKAGE.parent == ROOT, "this tests another package than that of the checkout"


def test_links_of_the_description_lead_to_the_repository(metadata: email.message.Message) -> None:
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert "# xpu-dynamo-event" in text
    assert not re.findall(r"\]\((?!https://|#)[^)]*\)", text)
    assert f"blob/v{xpu_dynamo_event.__version__}/docs/install.md" in text


def test_addresses(metadata: email.message.Message) -> None:
    urls = dict(each.split(", ") for each in metadata.get_all("Project-URL", []))
    assert {"Repository", "Documentation", "Changelog", "Issues"} == set(urls)


def test_pip_complains_when_torch_is_replaced(
    wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    environment = Emptied(tmp_path_factory.mktemp("checked") / "env")
    environment.link(["torch"])
    done = environment.run("-m", "pip", "install", "--no-index", str(wheel.filename), cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    check = ("-m", "pip", "check")
    assert environment.run(*check, cwd=ROOT).stdout == "No broken requirements found.\n"
    (information,) = environment.packages.glob("torch-*.dist-info")
    text = (information / "METADATA").read_text()
    (information / "METADATA").unlink()  # a link
    other = re.sub(r"^Version: .*", "Version: 2.99.0", text, count=1, flags=re.M)
    (information / "METADATA").write_text(other)
    done = environment.run(*check, cwd=ROOT)
    assert done.returncode == 1
    assert re.search(r"xpu-dynamo-event .* has requirement torch==2\.\d+\.\*", done.stdout)
