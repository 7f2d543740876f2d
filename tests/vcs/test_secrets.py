"""Secrets are recognised; what only sounds like one is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vcs.secrets import (
    find_secret,
    looks_secret,
    looks_secret_file,
    mask,
    mask_argv,
    mask_mapping,
    without_credentials,
)

# Put together here, so that no scanner takes this file for a leak.
GITHUB = "ghp_" + "a1B2" * 9
AWS = "AKIA" + "ABCDEFGH" * 2
KEY = "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE\n"


@pytest.mark.parametrize(
    "path",
    [
        ".env", "conf/.env.production", "prod.env", ".netrc", "id_rsa", "keys/id_ed25519", "server.pem",
        "tls.KEY", "credentials.json", "aws-credentials.ini", "secrets.yaml", "my_secret.toml", ".ssh/config",
        "gcp-service-account.json", "service_account.json", "api_keys.txt", "x.p12", "kaggle.json", ".pypirc",
        "home/.aws/config", "credentials", ".git-credentials", "hf_token.txt",
    ],
)  # fmt: skip
def test_files_that_hold_secrets_are_told_by_their_name(path: str) -> None:
    """Case does not matter; a folder of secrets makes all in it secret."""
    assert looks_secret_file(path)


@pytest.mark.parametrize(
    "path",
    [
        "train.py", "secrets.py", "credentials.py", "src/token.go", ".env.example", ".env.sample", "env.py",
        "id_rsa.pub", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "keyboard.txt",
        "monkey.jpg", "environment.yml", "added_tokens.json", "secret_santa.ipynb", "keys.csv", "config.yaml",
        "credentials.template.json",
    ],
)  # fmt: skip
def test_code_and_data_with_similar_names_are_not_secrets(path: str) -> None:
    """A module called secrets.py is code that must be recorded."""
    assert not looks_secret_file(path)


@pytest.mark.parametrize(
    "name",
    [
        "WANDB_API_KEY", "--hf-token", "dbPassword", "AWS_SECRET_ACCESS_KEY", "token", "api_key", "apiKey",
        "GITHUB_TOKEN", "user.password", "private_key", "PGPASSWD", "openai-api-key", "authorization",
        "DATABASE_DSN", "AZURE_STORAGE_CONNECTION_STRING", "secret", "myapikey",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    """In every spelling of environment variables, options and configurations."""
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "tokenizer", "max_tokens", "num_tokens", "pad_token_id", "eos_token", "token_count", "keyboard",
        "key", "monkey", "lr", "author", "path", "pattern", "mask_token", "tokens_per_second", "n_token",
        "special_tokens", "compat", "token_type_ids", "maxNewTokens", "SSH_AUTH_SOCK", "key_dim", "keys",
    ],
)  # fmt: skip
def test_names_of_models_and_options_are_no_secrets(name: str) -> None:
    """A record without its `max_tokens` would be of little use."""
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (KEY, "private key"),
        ("-----BEGIN " + "OPENSSH PRIVATE KEY-----", "private key"),
        ("-----BEGIN " + "PRIVATE KEY-----", "private key"),
        (f"export T={GITHUB}\n", "GitHub token"),
        ("github_pat_" + "A" * 40, "GitHub token"),
        (f"key = '{AWS}'", "AWS access key"),
        ("hf_" + "aBcDeFgHiJ" * 3 + "abcd", "Hugging Face token"),
        ("xoxb" + "-123456789012-abcdef", "Slack token"),
        ("AIza" + "b" * 35, "Google API key"),
        ("sk-ant" + "-api03-" + "x" * 30, "Anthropic key"),
        ("sk-" + "a" * 48, "OpenAI key"),
        ("glpat" + "-" + "a" * 20, "GitLab token"),
        ("eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 30, "JSON web token"),
    ],
)  # fmt: skip
def test_secrets_are_told_by_their_shape(text: str, kind: str) -> None:
    """In text and in bytes alike."""
    assert find_secret(text) == kind
    assert find_secret(text.encode()) == kind


@pytest.mark.parametrize(
    "text",
    [
        "print('training')\n",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "digest: " + "3f9a" * 16,
        "ghp_short",
        "hf_hub_download(repo_id)",
        "sk-learn is scikit-learn",
        "AKIA",
    ],
)
def test_ordinary_text_has_no_secret(text: str) -> None:
    """Digests and names that begin alike are left alone."""
    assert find_secret(text) is None
    assert mask(text) == text


def test_a_mask_replaces_the_secret_and_nothing_else() -> None:
    """What stands around it is kept."""
    assert mask(f"curl -H 'x: {GITHUB}' https://ann:pw@host/x") == "curl -H 'x: ***' https://host/x"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["train.py", "--token", "abc", "--lr", "0.1"], ["train.py", "--token", "***", "--lr", "0.1"]),
        (["--api-key=abc"], ["--api-key=***"]),
        (["HF_TOKEN=abc", "python"], ["HF_TOKEN=***", "python"]),
        (["db.password=x=y"], ["db.password=***"]),
        (["--max-tokens", "100"], ["--max-tokens", "100"]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["--token="], ["--token="]),
        (["--token"], ["--token"]),
        (["-c", GITHUB], ["-c", "***"]),
        (["https://u:p@host/x"], ["https://host/x"]),
    ],
)
def test_a_command_line_is_masked(argv: list[str], expected: list[str]) -> None:
    """By option, assignment and shape."""
    assert mask_argv(argv) == expected


def test_a_mapping_is_masked_all_the_way_down() -> None:
    """Nested mappings and lists; numbers under a secret name tell nothing and stay."""
    given_mapping = {
        "lr": 0.1,
        "api_key": "abc",
        "token": 5,
        "password": "",
        "secret": None,
        "remote": {"url": "https://a:b@c/d", "tokens": [{"auth": "x"}], "note": GITHUB},
        "passwords": ["a", "b"],
        "command": ["run", "--token", "abc", "--lr", "0.1"],
    }
    copy = {**given_mapping}
    assert mask_mapping(given_mapping) == {
        "lr": 0.1,
        "api_key": "***",
        "token": 5,
        "password": "",
        "secret": None,
        "remote": {"url": "https://c/d", "tokens": [{"auth": "***"}], "note": "***"},
        "passwords": ["***", "***"],
        "command": ["run", "--token", "***", "--lr", "0.1"],
    }
    assert given_mapping == copy


@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    """And no text makes it fail."""
    assert mask(mask(text)) == mask(text)


@given(st.lists(st.text()))
def test_masking_keeps_the_number_of_arguments(argv: list[str]) -> None:
    """A recorded command line has the shape of the one that ran."""
    assert len(mask_argv(argv)) == len(argv)


@given(user=st.from_regex(r"[a-z0-9:@%]+", fullmatch=True), host=st.from_regex(r"[a-z.]+", fullmatch=True))
def test_no_part_of_a_password_is_left_in_an_address(user: str, host: str) -> None:
    """Whatever signs it has."""
    assert without_credentials(f"https://{user}@{host}/p.git") == f"https://{host}/p.git"


@pytest.mark.parametrize("part", ["y", "sk-", "eyJ-", "://", "a.", "-----BEGIN "])
def test_a_long_text_is_searched_once_from_end_to_end(part: str) -> None:
    """A megabyte of text in a config must not hold up `init` for an hour."""
    text = part * (1_000_000 // len(part))

    assert mask(text) == text
    assert find_secret(text.encode()) is None
