"""The configuration: reading, changing, refusing to change by accident."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tracker.errors import ConfigError, Error
from tracker.values.config import Config


class Heard:
    """What a config tells its run."""

    def __init__(self) -> None:
        self.changes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.notices: list[str] = []

    def change(self, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
        self.changes.append((dict(new), dict(old)))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def config(heard: Heard) -> Config:
    return Config({"lr": 0.1, "nested": {"x": 1}}, on_change=heard.change, on_notice=heard.notices.append)


def test_values_are_read_by_item_attribute_and_get(config: Config) -> None:
    assert config["lr"] == config.lr == config.get("lr") == 0.1
    assert config.get("missing", 3) == 3


def test_what_is_missing_is_a_key_error_or_an_attribute_error(config: Config) -> None:
    with pytest.raises(KeyError):
        config["missing"]
    with pytest.raises(AttributeError, match="missing"):
        config.missing
    assert not hasattr(config, "missing")
    assert "missing" not in config


def test_it_is_a_mapping(config: Config) -> None:
    assert dict(config) == {**config} == {"lr": 0.1, "nested": {"x": 1}}
    assert list(config) == list(config.keys()) == ["lr", "nested"]
    assert list(config.items()) == list(dict(config).items())
    assert list(config.values()) == [0.1, {"x": 1}]
    assert len(config) == 2
    assert config == {"lr": 0.1, "nested": {"x": 1}}


def test_integrations_find_the_values_where_wandb_has_them(config: Config) -> None:
    """transformers reads vars(wandb.config)["_items"]."""
    assert vars(config)["_items"] == {"lr": 0.1, "nested": {"x": 1}}


def test_nested_values_are_plain_dictionaries(config: Config) -> None:
    assert type(config.nested) is dict


def test_as_dict_is_a_copy(config: Config) -> None:
    config.as_dict()["lr"] = 5
    assert config.lr == 0.1


def test_a_new_key_can_be_set_by_item_and_attribute(config: Config, heard: Heard) -> None:
    config["a"] = 1
    config.b = 2
    assert (config.a, config["b"]) == (1, 2)
    assert heard.changes == [({"a": 1}, {}), ({"b": 2}, {})]


@pytest.mark.parametrize("how", ["item", "attribute", "update"])
def test_a_changed_value_is_refused_unless_it_is_allowed(config: Config, heard: Heard, how: str) -> None:
    ways: dict[str, Callable[[], None]] = {
        "item": lambda: config.__setitem__("lr", 0.2),
        "attribute": lambda: setattr(config, "lr", 0.2),
        "update": lambda: config.update({"lr": 0.2, "new": 1}, allow_val_change=False),
    }
    with pytest.raises(ConfigError, match=r"'lr' = 0\.1") as caught:
        ways[how]()
    assert isinstance(caught.value, Error)
    assert caught.value.hint is not None
    assert config == {"lr": 0.1, "nested": {"x": 1}}
    assert heard.changes == []


def test_the_same_value_is_no_change(config: Config, heard: Heard) -> None:
    config.lr = 0.1
    config["nested"] = {"x": 1}
    config.update({"lr": 0.1}, allow_val_change=False)
    assert heard.changes == []


def test_a_plain_update_gives_the_new_value_with_a_notice(config: Config, heard: Heard) -> None:
    config.update({"lr": 0.2, "epochs": 3})
    assert config.lr == 0.2
    assert heard.changes == [({"lr": 0.2, "epochs": 3}, {"lr": 0.1})]
    assert len(heard.notices) == 1
    assert "0.1" in heard.notices[0]
    assert "0.2" in heard.notices[0]


def test_notices_and_errors_tell_no_secret_and_no_book(config: Config, heard: Heard) -> None:
    """The terminal is captured into the record, which hides secrets."""
    config.update({"api_key": "hunter2", "text": "x" * 10_000})
    config.update({"api_key": "hunter3", "text": "y" * 10_000})
    with pytest.raises(ConfigError) as caught:
        config.api_key = "hunter4"
    said = [*heard.notices, str(caught.value)]
    assert not any("hunter" in sentence for sentence in said)
    assert max(map(len, said)) < 1000


def test_an_update_that_allows_changes_says_nothing(config: Config, heard: Heard) -> None:
    config.update({"lr": 0.2}, allow_val_change=True)
    assert config.lr == 0.2
    assert heard.notices == []


def test_an_update_is_shallow(config: Config) -> None:
    config.update({"nested": {"y": 2}})
    assert config.nested == {"y": 2}


def test_init_can_allow_changes_for_good() -> None:
    config = Config({"lr": 1}, allow_val_change=True)
    config.lr = 2
    assert config.lr == 2


def test_init_can_forbid_changes_by_a_plain_update() -> None:
    config = Config({"lr": 1}, allow_val_change=False)
    with pytest.raises(ConfigError):
        config.update({"lr": 2})


def test_setdefaults_sets_only_what_is_missing(config: Config, heard: Heard) -> None:
    config.setdefaults({"lr": 5, "batch": 32})
    assert config.lr == 0.1
    assert config.batch == 32
    assert heard.changes == [({"batch": 32}, {})]


def test_dashes_around_a_key_are_dropped(config: Config) -> None:
    config.update({"--batch-size": 8})
    assert config["batch-size"] == 8


def test_locked_keys_keep_their_value(config: Config, heard: Heard) -> None:
    config.update_locked({"lr": 0.5}, "sweep")
    config.lr = 0.9
    config.update({"lr": 0.9, "other": 1})
    assert config.lr == 0.5
    assert config.other == 1
    assert "sweep" in heard.notices[0]


def test_a_key_cannot_be_removed(config: Config) -> None:
    with pytest.raises(Error, match="lr"):
        del config["lr"]


def test_what_is_set_is_not_shared_with_the_script(config: Config) -> None:
    given = {"a": [1, 2]}
    config["given"] = given
    given["a"].append(3)
    assert config["given"] == {"a": [1, 2]}


def test_special_objects_become_what_the_run_says() -> None:
    def special(key: str, value: Any) -> Any:
        return f"<{key}>" if value == "artifact" else NotImplemented

    config = Config(on_object=special)
    config.update({"data": "artifact", "lr": 1})
    assert config == {"data": "<data>", "lr": 1}


def test_copies_and_pickles_are_values_of_their_own(config: Config, heard: Heard) -> None:
    for other in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert other == config
        other["new"] = 1
    assert "new" not in config
    assert heard.changes == []


def test_several_threads_may_set_keys(config: Config, heard: Heard) -> None:
    def work(number: int) -> None:
        for index in range(100):
            config[f"k{number}-{index}"] = index

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(config) == 402
    assert len(heard.changes) == 400
