"""Names and ids for runs that were given none.

Randomness is the operating system's, so a script that seeds `random` still gets a
new id each time, and its own random numbers stay as they are without us.
"""

from __future__ import annotations

import os

ID_LENGTH = 8
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"

# 64 of each: 4,096 pairs, and the number behind them tells the runs of a project apart.
_ADJECTIVES = (
    "amber ample apt azure balmy blithe bold brave bright brisk calm clear cosmic crisp dapper deft "
    "eager earnest easy fair fancy fleet fond fresh gentle glad golden good grand hardy hazel honest "
    "jolly keen kind lively lucid lucky lunar mellow merry mild misty neat nimble noble olive placid "
    "plucky polar proud quick quiet rapid rosy royal silent solar spry steady sunny swift tidy vivid"
)
_NOUNS = (
    "alder aspen badger beaver birch bison brook canyon cedar cliff comet condor coral crane creek "
    "dawn delta dune eagle elm falcon fern finch fjord forest fox garden glade grove harbor hawk "
    "heron island jay lake lark leaf lynx maple marsh meadow moon moss otter owl pebble pine planet "
    "plover pond raven reef ridge river robin sparrow spruce star stone summit tide valley willow "
    "wren"
)


def generate_id(length: int = ID_LENGTH) -> str:
    """Return a fresh id of lower-case letters and digits; 8 of them make 2.8e12 ids."""
    # 252 is the largest multiple of 36 in a byte; larger bytes would favour the first letters.
    letters: list[str] = []
    while len(letters) < length:
        letters += [_ID_LETTERS[byte % 36] for byte in os.urandom(length) if byte < 252]
    return "".join(letters[:length])


def two_words(randomness: bytes) -> str:
    """Return `adjective-noun`, chosen by the first two bytes of `randomness`."""
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    return f"{adjectives[randomness[0] % len(adjectives)]}-{nouns[randomness[1] % len(nouns)]}"


def generate_name(number: int) -> str:
    """Return a name such as `calm-otter-12` for the `number`-th run of a project."""
    return f"{two_words(os.urandom(2))}-{number}"
