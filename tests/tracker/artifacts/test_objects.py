"""Tables and media inside an artifact."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracker.artifact import Artifact
from tracker.errors import FormatError, UsageError
from tracker.values.media import Graph, Histogram, Html, Image, JoinedTable, PartitionedTable, Table

numpy = pytest.importorskip("numpy")
pytest.importorskip("PIL")


@pytest.fixture
def artifact(git_repo: Path, monkeypatch: pytest.MonkeyPatch) -> Artifact:
    """A draft in a repository."""
    monkeypatch.chdir(git_repo)
    return Artifact("results", "evaluation")


def pixels(value: int) -> object:
    return numpy.full((4, 6, 3), value, dtype="uint8")


def test_a_table_comes_back_with_its_rows_and_pictures(artifact: Artifact) -> None:
    """From a draft's version; equal pictures lie there once."""
    table = Table(columns=["id", "score", "image"])
    table.add_data(1, 0.5, Image(pixels(7), caption="seven"))
    table.add_data(2, float("nan"), Image(pixels(7)))
    artifact.add(table, "scores")
    artifact.save()

    back = artifact.get("scores")
    assert back.columns == ["id", "score", "image"]
    assert [row[0] for row in back.data] == [1, 2]
    assert back.data[1][1] != back.data[1][1]
    assert (back.data[0][2].caption, back.data[0][2].width) == ("seven", 6)
    assert numpy.asarray(back.data[1][2].image)[0, 0, 0] == 7
    assert sorted(Path(path).parent.as_posix() for path in artifact.manifest.entries) == [
        ".", "media/images", "media/table",
    ]  # fmt: skip


def test_a_picture_text_and_numbers_come_back(artifact: Artifact) -> None:
    """Each by the name it was added under; the file's own name works too."""
    artifact.add(Image(pixels(1), caption="one"), "pictures/first")
    artifact.add(Html("<b>x</b>"), "page")
    artifact.add(Histogram([1, 2, 2, 3]), "counts")
    artifact.save()
    assert artifact.get("pictures/first").caption == "one"
    assert artifact.get("pictures/first.image.json").width == 6
    assert sum(artifact.get("counts").histogram) == 4
    assert type(artifact.get("page")) is Html
    assert artifact.get("nothing") is None


def test_the_same_name_twice_needs_the_same_object(artifact: Artifact) -> None:
    """Or overwrite."""
    artifact.add(Table(columns=["a"], data=[[1]]), "t")
    artifact.add(Table(columns=["a"], data=[[1]]), "t")
    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        artifact.add(Table(columns=["a"], data=[[2]]), "t")
    artifact.add(Table(columns=["a"], data=[[2]]), "t", overwrite=True)
    artifact.save()
    assert artifact.get("t").data == [[2]]


def test_what_is_no_media_is_refused(artifact: Artifact) -> None:
    """With what to do instead."""
    with pytest.raises(ValueError, match="type object"):
        artifact.add(object(), "x")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"_type": 1}', "[" * 100_000, '{"_type":"table-file","path":"t"}']
)
def test_a_hostile_record_is_a_format_error(artifact: Artifact, text: str) -> None:
    """Whatever somebody put where a record is expected."""
    for name in ("x.table.json", "t"):
        with artifact.new_file(name, "w") as stream:
            stream.write(text)
    artifact.save()
    with pytest.raises((FormatError, UsageError)):
        artifact.get("x")


def test_an_image_comes_back_with_its_masks_and_boxes(artifact: Artifact) -> None:
    box = {"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4}, "class_id": 1}
    image = Image(
        pixels(7),
        caption="seven",
        masks={"truth": {"mask_data": numpy.eye(4, 6, dtype="uint8"), "class_labels": {1: "cat"}}},
        boxes={"guess": {"box_data": [box], "class_labels": {1: "cat"}}},
    )
    artifact.add(image, "seen")
    artifact.save()

    back = artifact.get("seen")

    copy = artifact.new_draft()
    copy.add(back, "copied")
    copy.save()
    first, second = (version.get_entry("seen.image.json").digest for version in (artifact, copy))
    assert first == second
    assert copy.get_entry("copied.image.json").digest == first


def test_joined_tables_come_back_and_can_be_joined(artifact: Artifact) -> None:
    truth = Table(columns=["id", "label"], data=[[1, "cat"], [2, "dog"]])
    guesses = Table(columns=["id", "guess", "image"], data=[[2, "owl", Image(pixels(1))]])
    artifact.add(JoinedTable(truth, guesses, "id"), "both")
    artifact.save()

    joined = artifact.get("both").join()

    assert joined.columns == ["id", "label", "guess", "image"]
    assert joined.data[0][:3] == [2, "dog", "owl"]
    assert joined.data[0][3].width == 6


def test_a_partitioned_table_gives_the_rows_of_its_parts(artifact: Artifact) -> None:
    for part in range(2):
        artifact.add(Table(columns=["n"], data=[[part], [part + 10]]), f"parts/{part}")
    artifact.add(Table(columns=["n"], data=[[99]]), "apart")
    artifact.add(PartitionedTable("parts"), "whole")
    artifact.add(Table(columns=["m"], data=[[1]]), "mixed/0")
    artifact.add(Table(columns=["n"], data=[[1]]), "mixed/1")
    artifact.add(PartitionedTable("mixed/"), "odd")
    artifact.save()

    assert list(artifact.get("whole").iterrows()) == [(0, [0]), (1, [10]), (2, [1]), (3, [11])]
    with pytest.raises(ValueError, match="different columns"):
        list(artifact.get("odd").iterrows())
    with pytest.raises(ValueError, match="get it from its artifact"):
        list(PartitionedTable("parts").iterrows())


def test_a_graph_comes_back(artifact: Artifact) -> None:
    graph = Graph()
    graph.add_node(id="a")
    graph.add_node(id="b")
    graph.add_edge("a", "b")
    artifact.add(graph, "model")
    artifact.save()

    assert artifact.get("model").edges == [("a", "b")]


@pytest.mark.parametrize(
    "record",
    [
        '{"_type": "joined-table", "table1": 3}',
        '{"_type": "histogram"}',
        '{"_type": "image-file", "path": "x.png", "masks": {"a": 1}}',
        '{"_type": "partitioned-table"}',
    ],
)
def test_a_record_that_lacks_its_parts_is_a_format_error(artifact: Artifact, record: str) -> None:
    with artifact.new_file("x.png", mode="wb") as file:
        file.write(b"")
    with artifact.new_file("odd.joined-table.json") as file:
        file.write(record)
    artifact.save()
    with pytest.raises(FormatError, match="odd"):
        artifact.get("odd.joined-table.json")
