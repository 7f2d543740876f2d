"""What looks like a secret, and how it is kept out of records.

Guessing goes by name and by shape. A name that only hints ("token" in `tokenizer`)
does not count; a shape counts only where false alarms are rare (private key blocks,
the fixed prefixes that providers give their tokens). Leaves to others: what to do
about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

MASK = "***"

# File names, in lower case. Words that a module of code may have for a name count only for data.
_SECRET_FILES = (
    ".env", ".env.*", "*.env", ".envrc", ".netrc", "_netrc", ".pgpass", ".htpasswd", ".npmrc", ".pypirc",
    ".git-credentials", ".dockercfg", ".boto", ".s3cfg", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*",
    "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk", "*.ovpn", "*.token",
    "kubeconfig", "kaggle.json",
)  # fmt: skip
_SECRET_DATA = re.compile(
    r"\.?(?:.*[-_.])?(?:credentials?|secrets?|service[-_]?account|api[-_]?keys?|tokens?|passwords?)"
    r"(?:[-_.].*)?\.(?:json|ya?ml|toml|ini|cfg|conf|txt|xml|properties|bak)"
    r"|\.?(?:credentials?|secrets?|passwords?)"
)
_HARMLESS_FILES = (
    "*.example", "*.example.*", "*.sample", "*.sample.*", "*.template", "*.template.*", "*.dist", "*.pub",
    "tokens.txt", "*special_tokens*", "*added_tokens*", "*tokenizer*",
)  # fmt: skip
_SECRET_FOLDERS = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".kube"})

# Words of a variable, option or key whose value is a secret, once split at `_`, `-`, `.` and capitals.
_SECRET_WORDS = frozenset(
    {
        "pwd", "secrets", "token", "credential", "credentials", "authorization", "auth", "cookie", "dsn",
        "passwords", "apikeys",
    }
)  # fmt: skip
# Also at the end of a longer word: PGPASSWORD, myapikey.
_SECRET_ENDINGS = ("password", "passwd", "passphrase", "secret", "apikey")
_SECRET_PAIRS = frozenset(
    {
        ("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("account", "key"),
        ("signing", "key"), ("encryption", "key"), ("ssh", "key"), ("auth", "key"), ("connection", "string"),
    }
)  # fmt: skip
# With these beside them the words above speak of language models, not of secrets.
_HARMLESS_WORDS = frozenset(
    {
        "max", "min", "num", "n", "count", "counts", "per", "id", "ids", "type", "size", "len", "length",
        "pad", "eos", "bos", "unk", "mask", "sep", "cls", "special", "level", "limit", "classification",
        "embedding", "embeddings", "dim", "file", "path", "name", "dropout", "ratio", "rate", "weight",
        "loss", "budget", "sock", "new",
    }
)  # fmt: skip

_SHAPES: tuple[tuple[str, str], ...] = (
    ("private key", r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255})"),
    ("GitLab token", r"\bglpat-[A-Za-z0-9_\-]{20,}"),
    ("Slack token", r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}"),
    ("Slack webhook", r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{16,}"),
    ("Google API key", r"\bAIza[A-Za-z0-9_\-]{35}\b"),
    ("Anthropic key", r"\bsk-ant-[A-Za-z0-9_\-]{20,}"),
    ("OpenAI key", r"\bsk-[A-Za-z0-9_\-]{20,200}T3BlbkFJ[A-Za-z0-9_\-]{20,}|\bsk-[A-Za-z0-9]{48}\b"),
    ("Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
    ("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("PyPI token", r"\bpypi-AgE[A-Za-z0-9_\-]{50,}"),
    ("Stripe key", r"\b(?:sk|rk)_live_[A-Za-z0-9]{20,}"),
    ("SendGrid key", r"\bSG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43}"),
    ("Azure storage key", r"\bAccountKey=[A-Za-z0-9+/]{80,}={0,2}"),
    ("JSON web token", r"\beyJ[A-Za-z0-9_\-]{10,2000}\.eyJ[A-Za-z0-9_\-]{10,8000}\.[A-Za-z0-9_\-]{20,}"),
)
_ANY_SHAPE = re.compile("|".join(f"({shape})" for _, shape in _SHAPES))
_ANY_SHAPE_BYTES = re.compile(_ANY_SHAPE.pattern.encode())
# The scheme is bounded, as are the shapes above: a search from every letter of a long text that finds
# nothing must not read on to the end of the text.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]{0,30})://([^/\s'\"<>]*)@")
_SSH = frozenset({"ssh", "git+ssh", "ssh+git", "sftp"})
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ASSIGNMENT = re.compile(r"^(?P<name>-{0,2}[A-Za-z_][\w.\-]*)=(?P<value>.*)$", re.DOTALL)


def looks_secret_file(path: str) -> bool:
    """Whether a file's name (or a folder on its path) says that it holds secrets."""
    *folders, name = path.lower().split("/")
    if not _SECRET_FOLDERS.isdisjoint(folders):
        return True
    if any(fnmatchcase(name, pattern) for pattern in _HARMLESS_FILES):
        return False
    named = any(fnmatchcase(name, pattern) for pattern in _SECRET_FILES)
    return named or _SECRET_DATA.fullmatch(name) is not None


def looks_secret(name: str) -> bool:
    """Whether the value of a variable, option or key of this name is a secret.

    `WANDB_API_KEY`, `--hf-token`, `dbPassword` are; `tokenizer`, `max_tokens`,
    `keyboard`, `pad_token_id` are not.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if any(pair in _SECRET_PAIRS for pair in pairwise(words)):
        return _HARMLESS_WORDS.isdisjoint({*words} - {"name"}) or words[-1] == "key"
    secret = any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDINGS) for word in words)
    return secret and _HARMLESS_WORDS.isdisjoint(words)


def find_secret(content: str | bytes) -> str | None:
    """Return which kind of secret is in the content ("GitHub token"); None if none is seen."""
    found: re.Match[Any] | None
    if isinstance(content, str):
        found = _ANY_SHAPE.search(content)
    else:
        found = _ANY_SHAPE_BYTES.search(content)
    return _SHAPES[found.lastindex - 1][0] if found and found.lastindex else None


def without_credentials(text: str) -> str:
    """Take user names and passwords out of every URL in the text.

    Over ssh the user (`git@`) is part of the address and stays.
    """
    return _URL.sub(_without_user, text)


def _without_user(url: re.Match[str]) -> str:
    scheme, user = url[1], url[2].partition(":")[0]
    return f"{scheme}://{user}@" if scheme.lower() in _SSH and user else f"{scheme}://"


def mask(text: str) -> str:
    """Return the text with every secret that is recognised by its shape replaced by `***`."""
    return _ANY_SHAPE.sub(MASK, without_credentials(text))


def mask_mapping(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy in which secret values are `***`: by the key's name, or by the value's shape.

    Goes into nested mappings, lists and tuples; a list of texts is masked as a command
    line. Numbers, booleans, None and empty text under a secret name stay: they tell nothing.
    """
    return {key: _masked(str(key), value) for key, value in mapping.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return mask_mapping(value)
    if isinstance(value, list | tuple):
        if value and not looks_secret(name) and all(isinstance(item, str) for item in value):
            return mask_argv(value)  # A command line, perhaps; any other list of texts stays as it is.
        return [_masked(name, item) for item in value]
    if isinstance(value, str | bytes) and value and looks_secret(name):
        return MASK
    return mask(value) if isinstance(value, str) else value


def mask_argv(argv: Sequence[str]) -> list[str]:
    """Return the command line with the values of secret options replaced by `***`.

    Knows `--token=X`, `--token X`, `TOKEN=X` and `model.token=X`.
    """
    return list(_masked_arguments(argv))


def _masked_arguments(argv: Iterable[str]) -> Iterable[str]:
    secret_follows = False
    for argument in argv:
        assignment = _ASSIGNMENT.match(argument)
        if secret_follows and not argument.startswith("--"):
            yield MASK
            secret_follows = False
        elif assignment and looks_secret(assignment["name"]):
            yield f"{assignment['name']}={MASK}" if assignment["value"] else argument
            secret_follows = False
        else:
            yield mask(argument)
            secret_follows = argument.startswith("-") and not assignment and looks_secret(argument)
