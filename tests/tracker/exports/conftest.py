"""Runs put down on disk, as the tests of reading have them."""

from tests.tracker.read.conftest import lab as lab
