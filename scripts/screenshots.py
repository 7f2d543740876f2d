"""Take the pictures of the documentation: the page of `tracker ui` over the runs of the demo.

    make demo && .venv/bin/python scripts/screenshots.py

Needs chromium. Adds a few short trainings with other learning rates to the demo's folder, so
that there is something to compare.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 150_000
WIDTH = 1180
# Learning rates and epochs.
TRIALS = (("0.002", 4), ("0.005", 4), ("0.01", 3), ("0.05", 4), ("0.1", 3), ("0.2", 2))
_COLUMNS = "state,created_at,duration,config.lr,config.epochs,summary.train/loss,summary.test/accuracy.max"


@dataclass(frozen=True)
class Picture:
    """One picture: of which place of the page, when what is there, how high, in which colors."""

    name: str
    place: str
    wanted: str
    height: int
    colors: Literal["light", "dark"] = "light"
    scrolled_to: str = ""


PICTURES = (
    Picture("runs", f"#/runs?columns={_COLUMNS}&sort=-summary.test/accuracy.max", ".t-row", 460),
    Picture("curves", "#/curves?smooth=0.8", ".panel canvas", 830, "dark"),
    Picture("compare", "#/compare?part=parameters&target=train/loss", ".parallel path", 830),
    Picture("model", "#/run/LeNet5/night?tab=watch", ".watch-charts .chart canvas", 760),
    Picture(
        "artifacts",
        "#/artifacts/LeNet5/lenet5-mnist/v1?path=lenet5.pth",
        ".preview table",
        860,
        scrolled_to=".files",
    ),
)


def main() -> int:
    """Take all pictures; return 1 if one is too large."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "demo").resolve()
    if not (folder / "train.py").is_file():
        print(f"{folder} has no runs of the demo: make demo", file=sys.stderr)
        return 2
    train_more(folder)
    IMAGES.mkdir(parents=True, exist_ok=True)
    server = subprocess.Popen(
        [*tracker(), "ui", "--no-browser", "--port", "0", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        url = read_url(server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            sizes = [take(browser, url, picture) for picture in PICTURES]
            browser.close()
    finally:
        server.terminate()
        server.wait()
    return 1 if max(sizes) > MOST_BYTES else 0


def tracker() -> list[str]:
    return [sys.executable, "-m", "tracker.cli.main"]


def train_more(folder: Path) -> None:
    """Train with other learning rates, unless that was done before."""
    for rate, epochs in TRIALS:
        run = f"lr-{rate}"
        if not (folder / ".tracker" / "runs" / "LeNet5" / run).exists():
            words = ["train.py", "--run-id", run, "--epochs", str(epochs), "--lr", rate]
            subprocess.run([sys.executable, *words], cwd=folder, check=True)


def read_url(server: subprocess.Popen[str]) -> str:
    """Return the address that the server prints, as JSON over some lines."""
    assert server.stdout is not None
    text = ""
    for line in server.stdout:
        text += line
        if line.startswith("}"):
            break
    return str(json.loads(text)["url"])


def take(browser: Browser, url: str, picture: Picture) -> int:
    """Take one picture, with as many colors as keep it small, and return its size."""
    size: ViewportSize = {"width": WIDTH, "height": picture.height}
    page = browser.new_page(viewport=size, color_scheme=picture.colors, locale="en-US")
    page.goto(url)
    page.goto(url.partition("?")[0] + picture.place)
    page.wait_for_selector(picture.wanted, timeout=120_000)
    # Charts are drawn a moment after they have their place.
    page.wait_for_timeout(2500)
    if picture.scrolled_to:
        page.locator(picture.scrolled_to).evaluate("(element) => element.parentElement.scrollIntoView()")
        page.wait_for_timeout(300)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    page.close()
    target = IMAGES / f"{picture.name}.png"
    for palette in (256, 128, 64, 32):
        shot.quantize(palette, dither=Image.Dither.NONE).save(target, optimize=True)
        if target.stat().st_size <= MOST_BYTES:
            break
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")
    return target.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
