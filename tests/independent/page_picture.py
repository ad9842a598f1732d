"""Writes the picture of a status page: of the local AWS with its sample secrets.

`make page-picture` runs it.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from browser import chromium, opened
from processes import CLI, environment, free_port, running

VIEWPORT = {"width": 1000, "height": 900}
# Parts that would make the picture long.
LEFT_OUT = "section:has(#regions-title, #problems-title)"


def picture(endpoint, directory, target):
    page = directory / "status.html"
    command = [CLI, "status", "--region", "us-east-1", "--endpoint-url", endpoint, "--html", page.name]
    subprocess.run(command, cwd=directory, env=environment(), check=True, capture_output=True)
    with chromium() as browser, opened(browser, page, VIEWPORT) as shown:
        shown.eval_on_selector_all(LEFT_OUT, "parts => parts.forEach(part => { part.hidden = true; })")
        shown.screenshot(path=target, full_page=True)


def main(target):
    port = free_port()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        command = [os.environ["EMULATOR"], "serve", "--port", port, "--samples"]
        with running(command, port, directory / "log", environment()) as endpoint:
            picture(endpoint, directory, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
