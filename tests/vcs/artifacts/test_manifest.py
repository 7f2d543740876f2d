"""One version of an artifact as a file."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import yaml

from tests.vcs.versioning import listing_of
from vcs.artifacts.manifest import Manifest, Origin, decode_listing, lines_of, parse, render
from vcs.digest import digest_bytes
from vcs.errors import FormatError
from vcs.files.listing import Entry, Listing


def manifest_of(listing: Listing, **fields: object) -> Manifest:
    """A manifest of these contents with plain values elsewhere."""
    made = Manifest(
        project="LeNet5",
        name="lenet5-mnist",
        number=0,
        type="model",
        digest=listing.digest,
        file_count=listing.file_count,
        size_bytes=listing.size_bytes,
        created="2026-11-23T07:30:00.123Z",
        lines=lines_of(listing),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


FULL = manifest_of(
    Listing(
        [
            Entry("lenet5.pth", digest_bytes(b"w"), 246000),
            Entry("empty", digest_bytes(b""), 0, kind="dir"),
            Entry("run.sh", digest_bytes(b"s"), 10, executable=True),
            Entry("link", digest_bytes(b"run.sh"), 0, kind="link", target="run.sh"),
            Entry("raw", digest_bytes(b"r"), 5, kind="ref", target="s3://bucket/raw"),
        ]
    ),
    number=7,
    origin=Origin("if8bjzd0", 1200, "9fceb02", "main", "1c0ffee", True),
    description="LeNet-5\nafter five epochs: best & final",
    metadata={"acc": 0.987, "nan": math.inf, "nested": {"a": [1, None, True]}, 3: "x"},
    tags=("paper", "2026 run"),
    parent="v3",
    source="other/lenet:v1",
    was="v6",
    more={"future": {"x": [1]}, "empty": None},
)


def change(text: str, old: str, new: str) -> str:
    """Replace exactly one piece of a manifest's text."""
    assert text.count(old) == 1
    return text.replace(old, new)


def test_what_is_written_is_read_back_equal() -> None:
    """Every field, also those that this release does not know."""
    assert parse(render(FULL), path="v7.yaml") == FULL


def test_the_header_comes_in_the_order_of_the_document() -> None:
    """People read the first lines; our own scan reads the first 4 KiB."""
    keys = list(yaml.safe_load(render(FULL)))
    assert keys[:9] == [
        *("format", "artifact", "project", "version", "type", "digest", "files", "size_bytes", "created"),
    ]
    assert keys[-1] == "entries"


def test_any_reader_of_yaml_sees_the_same() -> None:
    """The file is for other programs too; entries are JSON, which is YAML."""
    read = yaml.safe_load(render(FULL))
    assert read["entries"][1] == {"path": "lenet5.pth", "digest": digest_bytes(b"w"), "size": 246000}
    assert read["metadata"]["acc"] == 0.987
    assert read["version"] == "v7"


def test_what_is_unknown_is_left_out() -> None:
    """A manifest without a run and without git has no empty lines."""
    text = render(manifest_of(listing_of("a")))
    assert not {"run", "step", "commit", "dirty", "metadata", "tags"} & set(yaml.safe_load(text))


def test_an_empty_artifact_is_a_version_too() -> None:
    """wandb gives it a fixed digest; so do we."""
    empty = manifest_of(Listing())
    assert parse(render(empty), path="x") == empty
    assert len(decode_listing(empty, b"")) == 0


@pytest.mark.parametrize("count", [1000, 1001])
def test_a_long_listing_is_an_object(count: int) -> None:
    """Up to 1,000 entries are in the file, more are named by their digest."""
    manifest = manifest_of(listing_of("a", count))
    text = render(manifest)
    assert ("\nlisting: " in text) is (count > 1000)
    assert parse(text, path="x") == manifest


@pytest.mark.parametrize("name", ["a\x7fb", "a\x85b", "a\u2028b", "\ufeffa"])
def test_a_name_that_yaml_cannot_hold_moves_the_listing_out(name: str) -> None:
    """To YAML these are line breaks or forbidden, and the file must stay YAML."""
    listing = Listing([Entry(name, digest_bytes(b""), 0)])
    manifest = manifest_of(listing)
    assert manifest.lines is None
    assert yaml.safe_load(render(manifest))["listing"] == listing.digest


@pytest.mark.parametrize("name", ["dépôt/文件 1.bin", "a'b\"c: #[{&*!|>%@`", "tab\there", "- x", "😀"])
def test_every_other_name_stays_in_the_file(name: str) -> None:
    """Quotes, unicode and marks of YAML are only characters."""
    listing = Listing([Entry(name, digest_bytes(b""), 0)])
    text = render(manifest_of(listing))
    assert yaml.safe_load(text)["entries"][0]["path"] == name
    assert decode_listing(parse(text, path="x"), listing.encoded) == listing


def test_a_manifest_cut_at_any_byte_is_refused() -> None:
    """A torn write can never pass for a version."""
    data = render(FULL).encode()
    for end in range(len(data)):
        with pytest.raises(FormatError):
            parse(data[:end].decode(errors="ignore"), path="v7.yaml")


def test_a_changed_entry_is_found_out() -> None:
    """The digest in the header is that of the entries."""
    with pytest.raises(FormatError, match=r"v7\.yaml is damaged: its entries do not have its digest"):
        parse(change(render(FULL), '"size":246000', '"size":246001'), path="v7.yaml")


@pytest.mark.parametrize("number", [2, 99])
def test_a_newer_format_asks_for_an_update(number: int) -> None:
    """And touches nothing."""
    text = change(render(FULL), "format: 1\n", f"format: {number}\n")
    with pytest.raises(FormatError, match="newer tracker") as caught:
        parse(text, path="v7.yaml")
    assert "pip install -U" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format: 1\n", ""),
        ("format: 1\n", "format: true\n"),
        ("format: 1\n", "format: '1'\n"),
        ("version: v7\n", "version: 7\n"),
        ("version: v7\n", "version: v07\n"),
        ("version: v7\n", ""),
        ("artifact: lenet5-mnist\n", "artifact: ../../etc\n"),
        ("project: LeNet5\n", "project: ..\n"),
        ("project: LeNet5\n", "project: /etc\n"),
        ("type: model\n", "type: [model]\n"),
        ("type: model\n", "type: yes\n"),
        ("run: if8bjzd0\n", "run: ../../other\n"),
        ("step: 1200\n", "step: -1\n"),
        ("step: 1200\n", "step: 1e3000\n"),
        ("dirty: true\n", "dirty: maybe\n"),
        ("files: 3\n", "files: 1.5\n"),
        ("size_bytes: 246015\n", "size_bytes: -1\n"),
        ("size_bytes: 246015\n", "size_bytes: 99999999999999999999999999\n"),
        ("parent: v3\n", "parent: ../v3\n"),
        ("source: other/lenet:v1\n", "source: /etc/passwd:v1\n"),
        ("tags:\n", "tags: {a: 1}\nold:\n"),
        ("metadata:\n", "metadata: [1]\nold:\n"),
        ("created: '2026-11-23T07:30:00.123Z'\n", "created: soon\n"),
        ("was: v6\n", "was: v6\nlisting: v6\n"),
        ("\nentries:\n- {", "\nentries:\n{"),
        ("\nentries:\n", "\nentries: []\n"),
        ("type: model\n", "type: model\ntype: dataset\n"),
        ("was: v6\n", "was: !!python/name:os.system v6\n"),
        ("was: v6\n", "was: &a v6\n"),
    ],
)
def test_a_hostile_or_damaged_header_is_refused(old: str, new: str) -> None:
    """Each field is checked; the file is named."""
    with pytest.raises(FormatError, match=r"v7\.yaml"):
        parse(change(render(FULL), old, new), path="v7.yaml")


@pytest.mark.parametrize("text", ["", "\n", "hello", "- 1\n", "[]\n", "a: [", "\x00", "<<<<<<< HEAD\n"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    """Also a file that a merge tool went over."""
    with pytest.raises(FormatError, match=r"v7\.yaml"):
        parse(text, path="v7.yaml")


def hostile(lines: list[str], files: int = 1, size: int = 0) -> Manifest:
    """A manifest with the right digest over entries that we would never write."""
    data = "".join(f"{line}\n" for line in lines).encode()
    made = manifest_of(Listing())
    text = render(replace(made, digest=digest_bytes(data), lines=data, file_count=files, size_bytes=size))
    return parse(text, path="v0.yaml")


DIGEST = digest_bytes(b"")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "a/../../x", "a//b", "./a", "C:/x", "a\\\\b", "", "a\\u0000"]
)
def test_a_hostile_path_is_refused_with_its_name(path: str) -> None:
    """Even where the digest of the entries is right."""
    manifest = hostile([f'{{"path":"{path}","digest":"{DIGEST}","size":0}}'])
    assert manifest.lines is not None
    with pytest.raises(FormatError, match="LeNet5/lenet5-mnist:v0"):
        decode_listing(manifest, manifest.lines)


@pytest.mark.parametrize(
    "lines",
    [
        [f'{{"path":"a","digest":"{DIGEST}","size":0}}'] * 2,
        [f'{{"path":"a","digest":"{DIGEST}","size":0}}', f'{{"path":"A","digest":"{DIGEST}","size":0}}'],
        [f'{{"path":"b","digest":"{DIGEST}","size":0}}', f'{{"path":"a","digest":"{DIGEST}","size":0}}'],
        [f'{{"path":"a","digest":"{DIGEST}","size":-5}}'],
        [f'{{"path":"a","digest":"{DIGEST}","size":0,"setuid":true}}'],
        [f'{{"digest":"{DIGEST}","path":"a","size":0}}'],
        ['{"path":"a","digest":"xyz","size":0}'],
        ["[" * 100_000],
        ["!!python/object:os.system {}"],
    ],
)
def test_entries_that_we_never_write_are_refused(lines: list[str]) -> None:
    """Twice a path, another order, unknown fields, damaged digests, deep nesting."""
    manifest = hostile(lines)
    assert manifest.lines is not None
    with pytest.raises(FormatError, match="LeNet5/lenet5-mnist:v0"):
        decode_listing(manifest, manifest.lines)


@pytest.mark.parametrize(("files", "size"), [(10_000_000_000, 0), (1, 10 << 30), (0, 0)])
def test_counts_that_the_entries_do_not_have_are_refused(files: int, size: int) -> None:
    """A claim of 10 GB costs nothing and is not believed."""
    manifest = hostile([f'{{"path":"a","digest":"{DIGEST}","size":0}}'], files, size)
    assert manifest.lines is not None
    with pytest.raises(FormatError, match="claims"):
        decode_listing(manifest, manifest.lines)


def test_a_manifest_can_be_in_a_set() -> None:
    """Though its metadata is a dictionary."""
    assert len({FULL, parse(render(FULL), path="x")}) == 1
