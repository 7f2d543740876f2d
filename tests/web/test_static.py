"""The files of the page itself: what no browser is needed to see."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracker.compare
from tracker.web.app import STATIC

SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
CHART = STATIC / "js/chart"
_TEXT = r'"((?:[^"\\]|\\.)*)"'


def code(path: Path) -> str:
    """Return a script without its comments."""
    return re.sub(r"^\s*(//|\*|/\*\*).*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def texts(path: Path) -> Iterator[str]:
    """Yield what a script shows to people."""
    script = code(path)
    yield from re.findall(rf"\bt\(\s*{_TEXT}", script)
    yield from re.findall(rf"\btitle: {_TEXT}", script)
    for found in re.finditer(rf"\bcount\([^\"]*?{_TEXT},\s*{_TEXT}", script):
        yield from found.groups()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_script_parses_markup_or_code(path: Path) -> None:
    """So nothing that a record holds can become an element or run."""
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|srcdoc"
    )
    assert not re.search(forbidden, code(path))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_every_text_is_there_in_chinese(path: Path) -> None:
    chinese = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    missing = [
        text
        for text in texts(path)
        if f'"{text}":' not in chinese and not re.search(rf"^\s+{text}:", chinese, re.M)
    ]
    assert missing == []


def test_the_page_names_no_other_address() -> None:
    """Nothing is loaded from elsewhere; links are made of what records hold only."""
    for path in STATIC.rglob("*"):
        if path.suffix in (".js", ".css", ".html", ".svg"):
            names = re.findall(r"https?://[\w.-]+", path.read_text(encoding="utf-8"))
            assert set(names) <= {"http://www.w3.org"}, path


def test_the_files_of_the_chart_can_be_put_into_one_script() -> None:
    names: list[str] = []
    for name in ("scale", "dense", "draw", "save", "picture", "chart"):
        script = (CHART / f"{name}.js").read_text(encoding="utf-8")
        for source in re.findall(r'^import \{[^}]*\} from "([^"]*)";$', script, re.MULTILINE):
            assert source in ("./scale.js", "./dense.js", "./draw.js", "./save.js", "./picture.js")
        assert len(re.findall(r"^import ", script, re.MULTILINE)) == len(
            re.findall(r"^import \{[^}]*\} from", script, re.MULTILINE)
        )
        names += re.findall(r"^(?:export )?(?:function|class|const|let) (\w+)", script, re.MULTILINE)
        for more in re.findall(r"^const (.*);$", script, re.MULTILINE):
            names += re.findall(r", (\w+) =", more)
    assert len(names) == len(set(names))


def test_every_file_of_the_page_is_within_reason() -> None:
    for path in SCRIPTS:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 450, path


def needed(path: Path, found: dict[Path, None]) -> None:
    """Add a script, and all that it imports at once."""
    if path not in found:
        found[path] = None
        for name in re.findall(r'^import [^"]*"(\.[^"]+)";$', path.read_text(encoding="utf-8"), re.MULTILINE):
            needed((path.parent / name).resolve(), found)


def test_the_first_pages_wait_for_no_script_that_was_not_announced() -> None:
    """The browser asks for all of them at once, and not for one after the other as it meets their names."""
    announced = re.findall(r'rel="modulepreload" href="static/([^"]+)"', (STATIC / "index.html").read_text())
    wanted: dict[Path, None] = {}
    for name in ("main", "pages/runs", "pages/curves"):
        needed(STATIC / f"js/{name}.js", wanted)

    assert sorted(announced) == sorted(path.relative_to(STATIC).as_posix() for path in wanted)


def said(node: ast.expr) -> list[str]:
    """Return the texts of an expression, `7` for what is filled in."""
    if isinstance(node, ast.JoinedStr):
        return ["".join(map(filled_in, node.values))]
    return [str(node.value)] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def filled_in(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return "7 then, 7 now" if "_then_now" in ast.dump(part) else "7"
    return str(ast.literal_eval(part))


def reasons() -> Iterator[str]:
    """Yield every sentence in which a comparison gives a reason."""
    source = Path(tracker.compare.__path__[0], "reasons.py").read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason":
            yield from said(node.args[1])
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "text"
        ):
            yield from said(node.value)


def test_every_reason_of_a_comparison_is_there_in_chinese() -> None:
    script = (STATIC / "js/parts/sentences.js").read_text(encoding="utf-8")
    known = [re.escape(text) for text in re.findall(rf"^  {_TEXT}: ", script, re.MULTILINE)]
    patterns = [re.compile(re.sub(r"\\\{\w+\\\}", ".+?", text)) for text in known]
    found = list(reasons())

    assert len(found) > 15
    assert [text for text in found if not any(pattern.fullmatch(text) for pattern in patterns)] == []


def test_no_module_needs_itself() -> None:
    """What is imported at once; parts that are loaded when they are shown may look back."""
    needs: dict[Path, set[Path]] = {}
    for path in SCRIPTS:
        named = re.findall(r'^import [^;]*?"(\.[^"]+)";', path.read_text(encoding="utf-8"), re.MULTILINE)
        needs[path] = {(path.parent / name).resolve() for name in named}
    left = {path.resolve(): found for path, found in needs.items()}
    while free := {path for path, found in left.items() if not found & left.keys()}:
        left = {path: found for path, found in left.items() if path not in free}
    assert sorted(path.name for path in left) == []
