"""Ids and names of runs."""

from __future__ import annotations

import random
import re

from tracker.values.random_names import generate_id, generate_name, two_words


def test_an_id_is_eight_lower_case_letters_and_digits() -> None:
    assert all(re.fullmatch("[a-z0-9]{8}", generate_id()) for _ in range(200))


def test_ids_differ_and_use_every_letter() -> None:
    ids = [generate_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert len(set("".join(ids))) == 36


def test_the_length_of_an_id_can_be_chosen() -> None:
    assert len(generate_id(20)) == 20


def test_ids_and_names_leave_the_random_numbers_of_the_script_alone() -> None:
    random.seed(1)
    expected = random.random()
    random.seed(1)
    generate_id()
    generate_name(3)
    assert random.random() == expected


def test_seeding_does_not_repeat_an_id() -> None:
    random.seed(1)
    first = generate_id()
    random.seed(1)
    assert generate_id() != first


def test_a_name_is_two_words_and_the_number() -> None:
    assert re.fullmatch("[a-z]+-[a-z]+-12", generate_name(12))


def test_every_byte_chooses_words() -> None:
    assert len({two_words(bytes([a, b])) for a in range(256) for b in range(256)}) == 4096
