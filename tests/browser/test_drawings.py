"""What a run logged to be drawn: plots, figures of plotly, objects in space, molecules."""

from __future__ import annotations

import base64
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

import tracker
from tests.browser.conftest import PATIENCE_MS, Open
from tests.browser.test_export import drawn_pixels
from tests.browser.test_hostile import MARKUP, check

expect.set_options(timeout=PATIENCE_MS)

CUBE = "\n".join(
    [f"v {x} {y} {z}" for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]
    + ["f 1 2 4 3", "f 5 6 8 7", "f 1 2 6 5", "f 3 4 8 7", "f 1 3 7 5", "f 2 4 8 6"]
)
WATER = "3\nwater\nO 0 0 0\nH 0.96 0 0\nH -0.24 0.93 0\n"


class Figure:
    """What plotly's figures have: their JSON."""

    def __init__(self, data: list[dict[str, Any]], **layout: Any) -> None:
        self._text = json.dumps({"data": data, "layout": layout})

    def to_json(self) -> str:
        return self._text


def animals(name: str = "cat") -> tracker.Table:
    return tracker.Table(
        columns=["animal", "score", "age"], data=[[name, 3.5, 1], ["dog", -1, 2], ["fox", 2, 9]]
    )


@pytest.fixture
def gallery(plain_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with one drawing of each kind."""
    monkeypatch.chdir(plain_dir)
    Path("cube.obj").write_text(CUBE)
    Path("water.xyz").write_text(WATER)
    plot = tracker.plot
    packed = base64.b64encode(struct.pack("<3d", 1, 4, 9)).decode()
    with tracker.init(project="zoo", id="gallery") as run:
        run.log(
            {
                "bar": plot.bar(animals(), "animal", "score", title="Scores"),
                "scatter": plot.scatter(animals(), "age", "score"),
                "histogram": plot.histogram(animals(), "age"),
                "line": plot.line(animals(), "age", "score", title="Over age"),
                "confusion": plot.confusion_matrix(
                    y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["no", "yes"]
                ),
                "roc": plot.roc_curve([0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]]),
                "own": plot.plot_table("somebody/own/v1", animals(), {"x": "age"}),
                "table": animals(),
                "bars": tracker.Plotly(
                    Figure([{"type": "bar", "x": ["a", "b"], "y": [1, 2]}], title="Two bars")
                ),
                "packed": tracker.Plotly(Figure([{"y": {"dtype": "f8", "bdata": packed}}, {"type": "pie"}])),
                "heat": tracker.Plotly(
                    Figure([{"type": "heatmap", "z": [[1, 20], [30, 1]], "x": ["a", "b"]}])
                ),
                "cube": tracker.Object3D("cube.obj"),
                "cloud": tracker.Object3D([[x, x % 7, x % 3] for x in range(50)]),
                "water": tracker.Molecule("water.xyz"),
            }
        )
    return plain_dir


def card(page: Page, key: str) -> Locator:
    found = page.locator(f"[data-key='{key}']")
    found.scroll_into_view_if_needed()
    return found


def test_plots_are_drawn_as_they_say(gallery: Path, tab: Open, picture: Callable[..., Path]) -> None:
    page = tab(gallery, height=1400).open("#/run/zoo/gallery?tab=media")

    for key in ("bar", "scatter", "histogram", "line", "confusion", "roc", "bars", "packed", "heat"):
        expect(card(page, key).locator(".chart canvas").first).to_be_visible()
        page.wait_for_function(
            "key => document.querySelector(`[data-key='${key}'] .chart canvas`).width > 300", arg=key
        )
        assert drawn_pixels(page, f"[data-key='{key}'] .chart canvas") > 300, key
    expect(card(page, "bar").get_by_role("heading", name="Scores")).to_be_visible()
    expect(card(page, "own")).to_contain_text("somebody/own/v1 is not drawn here; this is its table.")
    expect(card(page, "packed")).to_contain_text("Not drawn here: pie.")
    picture(page)


def test_a_drawing_says_what_is_under_the_pointer_and_the_arrow_keys(gallery: Path, tab: Open) -> None:
    page = tab(gallery).open("#/run/zoo/gallery?tab=media")
    chart = card(page, "confusion").locator(".chart")
    expect(chart).to_have_attribute("aria-label", "Figure Confusion Matrix Curve; 4 cells")
    chart.focus()
    for _ in range(3):
        chart.press("ArrowRight")
    expect(chart.locator(".chart-tip")).to_have_text("Predictedno Actualyes 1".replace(" ", ""))

    # The second of three bars; what its box covers is told from the drawing itself.
    bars = card(page, "bar").locator(".chart")
    box = bars.bounding_box()
    assert box is not None
    bars.hover(position={"x": box["width"] * 0.12 + 60, "y": box["height"] / 2})
    expect(bars.locator(".chart-tip")).to_contain_text("dog")

    zoomed_and_back(page, "scatter")


def zoomed_and_back(page: Page, key: str) -> None:
    """A box that is dragged is what is seen next; a double click, 0, or a button shows all of it again."""
    chart = card(page, key).locator(".chart")
    selector = f"[data-key='{key}'] .chart canvas"
    whole = wait_for_other(page, selector, "")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 150, steps=3)
    page.mouse.up()
    part = wait_for_other(page, selector, whole)
    chart.press("+")
    nearer = wait_for_other(page, selector, part)
    chart.press("Shift+ArrowRight")
    wait_for_other(page, selector, nearer)
    again = "([selector, whole]) => document.querySelector(selector).toDataURL() === whole"
    page.mouse.dblclick(box["x"] + 100, box["y"] + 100)
    page.wait_for_function(again, arg=[selector, whole])
    chart.press("+")
    wait_for_other(page, selector, whole)
    chart.get_by_role("button", name="Reset the zoom").click()
    page.wait_for_function(again, arg=[selector, whole])
    expect(chart.get_by_role("button")).to_have_count(0)


def test_a_table_is_drawn_as_somebody_likes(gallery: Path, tab: Open) -> None:
    page = tab(gallery).open("#/run/zoo/gallery?tab=media&key=table")
    table = card(page, "table")
    table.get_by_label("Show").select_option("scatter")
    expect(table.locator(".chart")).to_have_attribute("aria-label", "Figure 3 points")
    expect(table.get_by_role("table")).to_be_hidden()
    table.get_by_label("Show").select_option("")
    expect(table.get_by_role("table")).to_be_visible()


def test_a_drawing_is_saved_as_svg_and_csv(gallery: Path, tab: Open, tmp_path: Path) -> None:
    page = tab(gallery).open("#/run/zoo/gallery?tab=media")
    saved = {}
    for kind in ("SVG", "CSV"):
        card(page, "bar").get_by_role("button", name="Save Scores").click()
        with page.expect_download(timeout=PATIENCE_MS) as download:
            page.get_by_role("menuitem", name=kind).click()
        download.value.save_as(tmp_path / kind)
        saved[kind] = (tmp_path / kind).read_text()
    assert saved["CSV"] == "series,score,animal,value\n,3.5,cat,\n,-1,dog,\n,2,fox,\n"
    assert saved["SVG"].count("<polygon") == 3
    assert ">dog</text>" in saved["SVG"]


@pytest.mark.parametrize("key", ["cube", "cloud", "water"])
def test_things_in_space_are_turned_by_keys_and_pointer(
    gallery: Path, tab: Open, picture: Callable[..., Path], key: str
) -> None:
    page = tab(gallery).open(f"#/run/zoo/gallery?tab=media&key={key}")
    canvas = card(page, key).locator("canvas")
    what = {"cube": "12 faces", "cloud": "50 points", "water": "3 atoms"}[key]
    expect(canvas).to_have_attribute(
        "aria-label", re.compile(rf"^{key} in space: {what}\. Arrow keys turn it")
    )
    selector = f"[data-key='{key}'] canvas"
    seen = [wait_for_other(page, selector, "")]
    canvas.press("ArrowRight")
    seen.append(wait_for_other(page, selector, seen[-1]))
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 130)
    page.mouse.up()
    seen.append(wait_for_other(page, selector, seen[-1]))
    canvas.press("0")
    assert wait_for_other(page, selector, seen[-1]) == seen[0]
    picture(page)


def wait_for_other(page: Page, selector: str, before: str) -> str:
    """Wait until a canvas shows something, and something else than before; return what."""
    script = """([selector, before]) => {
        const canvas = document.querySelector(selector);
        const data = canvas.width > 300 ? canvas.toDataURL() : "";
        const blank = document.createElement("canvas");
        [blank.width, blank.height] = [canvas.width, canvas.height];
        return data !== before && data !== blank.toDataURL() && data;
    }"""
    return str(page.wait_for_function(script, arg=[selector, before]).json_value())


def stl() -> bytes:
    return (
        b"\0" * 80
        + struct.pack("<I", 1)
        + struct.pack("<12fH", *(0, 0, 1), *(0, 0, 0), *(1, 0, 0), *(0, 1, 0), 0)
    )


def ply(kind: str) -> bytes:
    head = (
        f"ply\nformat {kind} 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    ).encode()
    if kind == "ascii":
        return head + b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
    order = "<" if "little" in kind else ">"
    return (
        head + struct.pack(f"{order}9f", 0, 0, 0, 1, 0, 0, 0, 1, 0) + struct.pack(f"{order}B3i", 3, 0, 1, 2)
    )


def gltf(uri: str | None) -> dict[str, Any]:
    return {
        "asset": {"version": "2.0"},
        "nodes": [{"mesh": 0, "translation": [5, 0, 0], "scale": [2, 2, 2]}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "type": "VEC3", "count": 3}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"byteLength": 36} | ({"uri": uri} if uri else {})],
    }


CORNERS = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
DATA = "data:application/octet-stream;base64," + base64.b64encode(CORNERS).decode()


def glb() -> bytes:
    text = json.dumps(gltf(None)).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", 36, 0x004E4942) + CORNERS
    return b"glTF" + struct.pack("<II", 2, 12 + len(body)) + body


SDF = """water
  -

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.0000 O   0  0
    0.9600    0.0000    0.0000 H   0  0
   -0.2400    0.9300    0.0000 H   0  0
  1  2  1  0
  1  3  1  0
M  END
"""
PDB = "".join(
    f"HETATM{i:5d}  {name:<3} HOH A   1    {x:8.3f}{y:8.3f}{0:8.3f}  1.00  0.00          {name[0]:>2}\n"
    for i, (name, x, y) in enumerate([("O", 0, 0), ("H1", 0.96, 0), ("H2", -0.24, 0.93)], 1)
)
MOL2 = """@<TRIPOS>MOLECULE
water
@<TRIPOS>ATOM
1 O 0 0 0 O.3
2 H1 0.96 0 0 H
3 H2 -0.24 0.93 0 H
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""
GRO = "water\n3\n" + "".join(
    f"    1HOH  {name:>5}{i:5d}{x:8.3f}{y:8.3f}{0:8.3f}\n"
    for i, (name, x, y) in enumerate([("O", 0, 0), ("H1", 0.096, 0), ("H2", -0.024, 0.093)], 1)
)
CIF = """data_water
loop_
_atom_site.id
_atom_site.type_symbol
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
1 O 0 0 0
2 H 0.96 0 0
3 H -0.24 0.93 0
#
"""
PQR = "".join(
    f"ATOM {i} {name} HOH 1 {x} {y} 0.0 -0.8 1.5\n"
    for i, (name, x, y) in enumerate([("O", 0, 0), ("H1", 0.96, 0), ("H2", -0.24, 0.93)], 1)
)


def test_every_format_of_objects_and_molecules_is_read(gallery: Path, tab: Open) -> None:
    """Each file is one triangle, or one molecule of water."""
    page = tab(gallery).open("#/runs")
    triangles = {
        "readStl": [stl(), b"solid\nfacet\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendfacet\nendsolid"],
        "readPly": [ply("ascii"), ply("binary_little_endian"), ply("binary_big_endian")],
        "readObj": [b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3/1 -2/2 -1/3\n"],
    }
    moved = {"readGltf": [json.dumps(gltf(DATA)).encode()], "readGlb": [glb()]}
    for reader, files in (triangles | moved).items():
        for data in files:
            found = read(page, "meshes", reader, data)
            wanted = [0, 0, 0, 1, 0, 0, 0, 1, 0] if reader in triangles else [5, 0, 0, 7, 0, 0, 5, 2, 0]
            assert found["faces"] == wanted, reader
    molecules = {"xyz": WATER, "sdf": SDF, "pdb": PDB, "mol2": MOL2, "gro": GRO, "cif": CIF, "pqr": PQR}
    for kind, text in molecules.items():
        found = read(page, "molecules", "readMolecule", text.encode(), kind)
        assert found["balls"] == pytest.approx([0, 0, 0, 0.96, 0, 0, -0.24, 0.93, 0], abs=1e-5), kind
        assert len(found["sticks"]) == 2 * 2 * 6, kind


def read(page: Page, module: str, reader: str, data: bytes, *more: str) -> Any:
    """Let the page read a file, and return the places of what is in it; a refusal as text."""
    return page.evaluate(
        """async ([module, reader, data, more]) => {
            const found = await import(new URL(`static/js/space/${module}.js`, document.baseURI));
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            try {
                const scene = found[reader](bytes, ...more);
                const places = ([name, part]) => [name, [...(part.xyz ?? [])]];
                return Object.fromEntries(Object.entries(scene).map(places));
            } catch (error) {
                return error.message;
            }
        }""",
        [module, reader, base64.b64encode(data).decode(), more],
    )


def test_drawings_of_somebody_who_means_harm(
    plain_dir: Path, monkeypatch: pytest.MonkeyPatch, tab: Open, tmp_path: Path
) -> None:
    """Texts are texts, colours are colours, nothing that a file names is fetched, and no size is believed."""
    monkeypatch.chdir(plain_dir)
    Path("far.gltf").write_text(json.dumps(gltf("https://example.org/points.bin")))
    Path("endless.ply").write_text("ply\nformat ascii 1.0\nelement vertex 1000000000000\nend_header\n")
    Path("wild.obj").write_text("v nan 1e999 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\nf 9 9 9\nf -9 1 2\n")
    Path("no.pdb").write_text(MARKUP)
    trace = {
        "type": "bar",
        "name": MARKUP,
        "x": [MARKUP, "b"],
        "y": [1, 2],
        "marker": {"color": '"/><script>'},
    }
    with tracker.init(project="zoo", id="hostile") as run:
        run.log(
            {
                "bar": tracker.plot.bar(animals(MARKUP), "animal", "score", title=MARKUP),
                "spec": tracker.plot.plot_table("__proto__", animals(), {"x": "age"}),
                "figure": tracker.Plotly(Figure([trace, {"type": "constructor"}, trace], title=MARKUP)),
                "broken": tracker.Plotly(Figure([{"type": "heatmap", "z": {"dtype": "f8", "bdata": "?"}}])),
                "cloud": tracker.Object3D(
                    {"type": MARKUP, "points": [[1, 2, 3]], "boxes": [{"label": MARKUP}]}
                ),
                "far": tracker.Object3D("far.gltf"),
                "endless": tracker.Object3D("endless.ply"),
                "wild": tracker.Object3D("wild.obj"),
                "no": tracker.Molecule("no.pdb"),
            }
        )
    page = tab(plain_dir).open("#/run/zoo/hostile?tab=media")
    expect(card(page, "bar").locator("h3")).to_contain_text("<script>")
    expect(card(page, "spec")).to_contain_text("__proto__ is not drawn here")
    expect(card(page, "figure")).to_contain_text("Not drawn here: constructor.")
    expect(card(page, "broken")).to_contain_text("The figure cannot be read.")
    expect(card(page, "cloud")).to_contain_text("<script>")
    expect(card(page, "far")).to_contain_text("its numbers lie in another file")
    expect(card(page, "endless")).to_contain_text("There is nothing in this file.")
    expect(card(page, "wild").locator("canvas")).to_be_visible()
    expect(card(page, "no")).to_contain_text("There is nothing in this file.")
    card(page, "figure").locator(".figure-head button").click()
    with page.expect_download(timeout=PATIENCE_MS) as download:
        page.get_by_role("menuitem", name="SVG").click()
    download.value.save_as(tmp_path / "figure.svg")
    assert "<script" not in (tmp_path / "figure.svg").read_text()
    check(page)
