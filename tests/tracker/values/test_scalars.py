"""What may stand in a row: taken at once, exact, out of reach of later changes."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import pickle
from typing import Any

import pytest

from tracker.values.scalars import (
    MAX_TEXT,
    NestedKey,
    flatten,
    freeze,
    freeze_row,
    key_parts,
    plain,
)


def recorded(value: object) -> Any:
    """What ends up in the history for a logged value."""
    return plain(freeze(value))


@pytest.mark.parametrize("value", [1, -(2**63), 2**200, 0.1, -0.0, True, False, None, "text", "", "ü"])
def test_plain_values_are_kept_as_they_are(value: object) -> None:
    """Numbers, booleans, None and text need no conversion, and get none."""
    result = recorded(value)

    assert result == value
    assert type(result) is type(value)


def test_nan_and_infinities_stay_floats() -> None:
    """A diverging loss is seen as what it was."""
    assert math.isnan(recorded(math.nan))
    assert recorded([math.inf, -math.inf]) == [math.inf, -math.inf]


def test_a_bool_is_not_an_int() -> None:
    """`True` and `1` stay apart."""
    assert recorded(True) is True
    assert type(recorded(1)) is int


def test_an_int_enum_is_its_number_and_another_enum_its_name() -> None:
    """As in wandb."""

    class Level(enum.IntEnum):
        HIGH = 3

    class Phase(enum.Enum):
        WARM = object()

    class Mode(enum.StrEnum):
        FAST = "fast"

    assert recorded(Level.HIGH) == 3
    assert type(recorded(Level.HIGH)) is int
    assert recorded(Phase.WARM) == "WARM"
    assert type(recorded(Mode.FAST)) is str


def test_a_subclass_of_a_number_becomes_the_plain_number() -> None:
    """Whatever its own `__float__` and `__repr__` say."""

    class Odd(float):
        def __float__(self) -> float:
            return 99.0

        def __repr__(self) -> str:
            return "odd"

    assert recorded(Odd(0.5)) == 0.5
    assert type(recorded(Odd(0.5))) is float


def test_dates_decimals_and_bytes_have_a_plain_form() -> None:
    """What JSON lacks is written as number or text."""
    assert recorded(datetime.date(2026, 1, 2)) == "2026-01-02"
    assert recorded(datetime.timedelta(minutes=1)) == 60.0
    assert recorded(decimal.Decimal("1.5")) == 1.5
    assert recorded(b"ab\xff") == "ab\\xff"
    assert recorded(1 + 2j) == "(1+2j)"


def test_an_unknown_object_is_kept_as_its_text() -> None:
    """Training does not stop because of a value that nobody knows."""

    class Thing:
        def __str__(self) -> str:
            return "a thing"

    assert recorded(Thing()) == "a thing"
    assert recorded(len) == "len"


def test_an_object_that_cannot_print_itself_is_named_by_its_class() -> None:
    """Even a broken `__str__` raises nothing."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    assert recorded(Broken()) == "<Broken>"


def test_a_long_text_of_an_unknown_object_is_cut() -> None:
    """A repr can be a whole data set."""

    class Long:
        def __str__(self) -> str:
            return "x" * (10 * MAX_TEXT)

    assert len(recorded(Long())) == MAX_TEXT + 1
    assert len(recorded("x" * (2 * MAX_TEXT))) == 2 * MAX_TEXT


def test_a_list_is_out_of_reach_of_later_changes() -> None:
    """Lists, sets and dicts are copied when they are logged."""
    inner = [1]
    value = {"a": inner, "b": (2, {3})}
    frozen = freeze(value)

    inner.append(2)
    value["c"] = 1

    assert plain(frozen) == {"a": [1], "b": [2, [3]]}


def test_a_set_has_one_order() -> None:
    """Equal sets become equal lists."""
    assert recorded({"b", "a", "c"}) == ["a", "b", "c"]


def test_a_structure_that_holds_itself_ends() -> None:
    """A loop is cut where it closes."""
    loop: list[Any] = [1]
    loop += [loop, loop]

    assert recorded(loop) == [1, "<holds itself>", "<holds itself>"]


def test_freezing_twice_is_harmless() -> None:
    """A row may be frozen when it is logged and again when it is put."""
    frozen = freeze([1, {"a": 2}])

    assert plain(freeze(frozen)) == [1, {"a": 2}]


def test_media_are_asked_for_their_record() -> None:
    """A value with `to_record` gets the sink, and its answer is made plain too."""

    class Picture:
        def to_record(self, sink: Any) -> dict[str, Any]:
            return {"_type": "image-file", "path": sink}

    assert plain(freeze(Picture()), "the sink") == {"_type": "image-file", "path": "the sink"}
    assert plain(freeze([Picture()]), "s") == [{"_type": "image-file", "path": "s"}]


def test_media_that_can_change_are_copied_by_their_own_freeze() -> None:
    """A table that grows after it was logged does not grow in the history."""

    class Table:
        def __init__(self, rows: int) -> None:
            self.rows = rows

        def freeze(self) -> Table:
            return Table(self.rows)

        def to_record(self, sink: Any) -> dict[str, Any]:
            return {"_type": "table", "rows": self.rows}

    table = Table(1)
    frozen = freeze(table)
    table.rows = 2

    assert plain(frozen) == {"_type": "table", "rows": 1}


class TestFlatten:
    """Nested dicts become dotted keys that know that they were nested."""

    def test_nested_keys_are_joined_by_dots(self) -> None:
        """As wandb reads them back."""
        assert flatten({"a": 1, "b": {"c": {"d": 2}, "e": 3}}) == {"a": 1, "b.c.d": 2, "b.e": 3}

    def test_a_nested_key_remembers_its_path_and_a_dotted_one_has_none(self) -> None:
        """`mAP_0.5` is one name, also in the summary."""
        nested, dotted = flatten({"a": {"b": 1}, "mAP_0.5": 2})

        assert key_parts(nested) == ("a", "b")
        assert key_parts(dotted) == ("mAP_0.5",)

    def test_a_dict_with_a_type_is_one_value(self) -> None:
        """Media records are not taken apart."""
        media = {"_type": "image-file", "path": "x"}

        assert flatten({"a": {"b": media}, "c": media}) == {"a.b": media, "c": media}

    def test_keys_that_are_no_text_become_text(self) -> None:
        """`{"class": {0: 0.9}}` is common."""
        assert flatten({"class": {0: 0.9, 1: 0.8}}) == {"class.0": 0.9, "class.1": 0.8}

    def test_a_nested_key_survives_pickling(self) -> None:
        """Rows go to other processes."""
        key = pickle.loads(pickle.dumps(NestedKey(("a", "b"))))

        assert key == "a.b"
        assert key.parts == ("a", "b")


class TestNumpy:
    """Scalars and arrays of numpy."""

    @pytest.fixture
    def np(self) -> Any:
        """numpy, or a skip."""
        return pytest.importorskip("numpy")

    def test_scalars_become_python_numbers_of_the_same_value(self, np: Any) -> None:
        """float32(0.1) is 0.10000000149011612, not 0.1."""
        assert recorded(np.float32(0.1)) == 0.10000000149011612
        assert recorded(np.int64(2**62)) == 2**62
        assert recorded(np.uint64(2**64 - 1)) == 2**64 - 1
        assert type(recorded(np.float64(1))) is float
        assert type(recorded(np.float16(0.5))) is float
        assert type(recorded(np.longdouble(0.5))) is float
        assert recorded(np.bool_(True)) is True
        assert type(recorded(np.str_("a"))) is str
        assert recorded(np.datetime64("2026-01-02")) == "2026-01-02"

    def test_scalars_are_plain_at_once(self, np: Any) -> None:
        """So a row of them takes the fast way."""
        assert type(freeze(np.float32(1))) is float

    def test_an_array_is_out_of_reach_of_later_changes(self, np: Any) -> None:
        """It is copied when it is logged."""
        array = np.array([1.0, 2.0])
        frozen = freeze(array)
        array[:] = 0

        assert plain(frozen) == [1.0, 2.0]

    def test_an_array_of_one_number_is_a_number(self, np: Any) -> None:
        """As in wandb."""
        assert recorded(np.array(3)) == 3
        assert recorded(np.array([[2.5]])) == 2.5

    def test_a_small_array_is_a_list_and_a_large_one_a_histogram(self, np: Any) -> None:
        """wandb draws the line at 32 numbers."""
        assert recorded(np.arange(32)) == list(range(32))
        histogram = recorded(np.arange(33))
        assert histogram["_type"] == "histogram"
        assert sum(histogram["values"]) == 33
        assert len(histogram["values"]) == 32

    def test_arrays_of_texts_dates_and_objects_are_lists(self, np: Any) -> None:
        """Only numbers have histograms."""
        assert recorded(np.array(["a", "b"])) == ["a", "b"]
        assert recorded(np.array([{"x": 1}, None], dtype=object)) == [{"x": 1}, None]
        assert recorded(np.array(["2026-01-02"], dtype="M8[D]")) == ["2026-01-02"]
        assert recorded(np.array([1 + 2j])) == "(1+2j)"


@pytest.mark.torch
class TestTorch:
    """Tensors on the CPU; those on a device differ only in when they are fetched."""

    @pytest.fixture
    def torch(self) -> Any:
        """torch, or a skip."""
        return pytest.importorskip("torch")

    def test_a_scalar_tensor_is_the_number_that_item_gives(self, torch: Any) -> None:
        """Exactly, in every type."""
        for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool):
            tensor = (
                torch.tensor(1, dtype=dtype) / 3 if dtype.is_floating_point else torch.tensor(1, dtype=dtype)
            )
            assert recorded(tensor) == tensor.item()
            assert type(recorded(tensor)) is type(tensor.item())

    def test_a_tensor_is_out_of_reach_of_later_changes(self, torch: Any) -> None:
        """An accumulator that is zeroed after logging does not zero the history."""
        total = torch.tensor(5.0)
        many = torch.tensor([1.0, 2.0])
        frozen = freeze_row({"total": total, "many": many})
        total.zero_()
        many.zero_()

        assert {key: plain(value) for key, value in frozen.items()} == {"total": 5.0, "many": [1.0, 2.0]}

    def test_a_loss_with_a_graph_is_a_number_and_lets_the_graph_go(self, torch: Any) -> None:
        """Logging a loss must not keep the activations of a step alive."""
        weight = torch.ones(3, requires_grad=True)
        loss = (weight * 2).sum()

        assert freeze(loss) == 6.0

    def test_special_tensors_are_recorded_too(self, torch: Any) -> None:
        """Sparse, of one element in any shape, and those that have no values at all."""
        assert recorded(torch.tensor([[2.0]])) == 2.0
        assert recorded(torch.eye(2).to_sparse()) == [[1.0, 0.0], [0.0, 1.0]]
        assert "meta" in recorded(torch.zeros((), device="meta"))
        assert recorded(torch.ones(100))["_type"] == "histogram"
