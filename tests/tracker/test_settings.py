"""Options of a run: who wins, and what is refused."""

from __future__ import annotations

import pytest

from tracker.errors import UsageError
from tracker.settings import Settings, environment_options, load_settings, options_of, recorded_environment


def test_nothing_given_is_the_default() -> None:
    settings = load_settings({}, {})
    assert (settings.project, settings.entity, settings.mode, settings.resume) == (None, "", "local", None)
    assert settings.console
    assert settings.code
    assert settings.system_interval_s == 15.0


def test_an_argument_wins_over_a_variable() -> None:
    env = {"TRACKER_PROJECT": "env", "TRACKER_NAME": "n"}
    settings = load_settings({"project": "argument", "run_name": None}, env)
    assert (settings.project, settings.name) == ("argument", "n")


def test_wandb_variables_count_only_under_tracker_run() -> None:
    env = {"WANDB_PROJECT": "w", "WANDB_RUN_GROUP": "g"}
    assert load_settings({}, env).project is None
    settings = load_settings({}, {**env, "TRACKER_COMPAT": "wandb"})
    assert (settings.project, settings.group) == ("w", "g")


def test_our_variables_win_over_those_of_wandb() -> None:
    env = {"WANDB_PROJECT": "w", "TRACKER_PROJECT": "t", "TRACKER_COMPAT": "wandb"}
    assert load_settings({}, env).project == "t"


def test_an_empty_variable_says_nothing() -> None:
    assert environment_options({"TRACKER_PROJECT": ""}) == {}


@pytest.mark.parametrize(
    ("given", "mode"),
    [
        ("online", "local"),
        ("offline", "local"),
        ("dryrun", "local"),
        ("disabled", "disabled"),
        ("shared", "shared"),
        ("Offline", "local"),
    ],
)
def test_modes_of_wandb_have_a_meaning(given: str, mode: str) -> None:
    assert load_settings({"mode": given}, {}).mode == mode


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="no mode 'fast'"):
        load_settings({"mode": "fast"}, {})


def test_disabled_can_be_a_variable() -> None:
    assert load_settings({}, {"TRACKER_DISABLED": "true"}).mode == "disabled"
    assert load_settings({}, {"TRACKER_DISABLED": "false"}).mode == "local"


@pytest.mark.parametrize(
    ("given", "resume"),
    [
        (True, "auto"),
        (False, None),
        (None, None),
        ("must", "must"),
        ("allow", "allow"),
        ("never", "never"),
        ("auto", "auto"),
        ("true", "auto"),
        ("false", None),
    ],
)
def test_resume_words(given: object, resume: str | None) -> None:
    assert load_settings({"resume": given}, {}).resume == resume


def test_a_run_id_as_resume_is_refused_with_what_to_write() -> None:
    with pytest.raises(UsageError, match="resume cannot be") as caught:
        load_settings({"resume": "if8bjzd0"}, {})
    assert "id='if8bjzd0'" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "options",
    [
        {"resume": "must", "resume_from": "a?_step=1"},
        {"resume_from": "a?_step=1", "fork_from": "a?_step=1"},
        {"resume": True, "fork_from": "a?_step=1"},
    ],
)
def test_ways_to_go_on_exclude_each_other(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        load_settings(options, {})


def test_a_fork_that_is_asked_for_wins_over_a_resume_variable() -> None:
    settings = load_settings({"fork_from": "a?_step=1"}, {"TRACKER_RESUME": "allow"})
    assert settings.resume is None
    assert settings.fork_from == "a?_step=1"


@pytest.mark.parametrize(
    ("given", "tags"),
    [
        ("a, b,a", ("a", "b")),
        (["x", "y", "x"], ("x", "y")),
        (("one",), ("one",)),
        (None, None),
        ([], ()),
    ],
)
def test_tags_are_a_list_or_a_comma_list_without_repeats(given: object, tags: object) -> None:
    assert load_settings({"run_tags": given}, {}).tags == tags


def test_tags_that_are_no_list_are_refused() -> None:
    with pytest.raises(UsageError, match="tags"):
        load_settings({"run_tags": 3}, {})


@pytest.mark.parametrize(
    ("given", "reinit"),
    [
        (None, "default"),
        (True, "finish_previous"),
        (False, "return_previous"),
        ("create_new", "create_new"),
        ("finish_previous", "finish_previous"),
    ],
)
def test_reinit(given: object, reinit: str) -> None:
    assert load_settings({"reinit": given}, {}).reinit == reinit


def test_a_flag_that_is_neither_on_nor_off_is_named() -> None:
    with pytest.raises(UsageError, match="silent"):
        load_settings({}, {"TRACKER_SILENT": "maybe"})


def test_settings_accept_any_name_and_have_any_attribute() -> None:
    settings = Settings(silent=True, start_method="fork", whatever=3)
    assert settings.silent is True
    assert settings.whatever == 3
    assert settings.never_given is None
    assert load_settings(options_of(settings), {}).silent


def test_settings_may_be_a_dictionary_and_use_older_names() -> None:
    settings = load_settings(options_of({"_disable_stats": True, "name": "n", "id": "abc"}), {})
    assert (settings.system_interval_s, settings.name, settings.run_id) == (None, "n", "abc")


def test_settings_that_are_neither_are_refused() -> None:
    with pytest.raises(UsageError, match="settings"):
        options_of("silent")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, "often", 1e9])
def test_an_interval_is_seconds(value: object) -> None:
    with pytest.raises(UsageError, match="seconds"):
        load_settings({"x_stats_sampling_interval": value}, {})


def test_only_variables_about_training_are_recorded() -> None:
    env = {
        "CUDA_VISIBLE_DEVICES": "0",
        "HOME": "/root",
        "AWS_SECRET_ACCESS_KEY": "x",
        "RANK": "1",
        "SLURM_JOB_ID": "5",
    }
    assert recorded_environment(env) == {"CUDA_VISIBLE_DEVICES": "0", "RANK": "1", "SLURM_JOB_ID": "5"}
