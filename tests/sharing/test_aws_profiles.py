"""Keys of AWS by profiles: static ones, those of a program, and those that the command line of AWS gives."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.ceph import S3Server
from tests.sharing.clones import clone_of, first_clone, make_hub
from tests.sharing.conftest import S3_BUCKET
from vcs.buckets.aws_process import ProcessCredentials
from vcs.buckets.base import DeniedError
from vcs.errors import UsageError
from vcs.remotes import make_remote
from vcs.sharing.credentials import find_credentials


def program(folder: Path, body: str, name: str = "give-keys") -> Path:
    """Write a program."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    path.chmod(0o755)
    return path


def giving(key: str, secret: str, **more: object) -> str:
    """The body of a program that gives keys, and counts how often it was asked."""
    said = json.dumps({"Version": 1, "AccessKeyId": key, "SecretAccessKey": secret, **more})
    return f"open(__file__ + '.asked', 'a').write(' '.join(sys.argv[1:]) + '\\n')\nprint({said!r})"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment with profiles of each kind."""
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    (folder / "config").write_text(
        "[default]\nregion = eu-west-1\n"
        "[profile tool]\ncredential_process = /bin/give-keys --for 'a b'\n"
        "[profile sso]\nsso_session = corp\nsso_account_id = 1\n"
        "[profile role]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\n"
        "[profile empty]\nregion = eu-west-1\n"
    )
    return {"HOME": str(tmp_path)}


def found(profile: str | None, environment: dict[str, str]) -> dict[str, str]:
    remote = make_remote("lab", "s3://bucket/x", {"profile": profile})
    return find_credentials(remote, Path("/nowhere"), environment)


def test_each_kind_of_profile_gives_its_keys(home: dict[str, str]) -> None:
    assert found(None, home) == {"access_key_id": "a", "secret_access_key": "b"}
    assert found("tool", home) == {"process": "/bin/give-keys --for 'a b'"}
    for name in ("sso", "role"):
        assert found(name, home)["process"].endswith(f"export-credentials --format process --profile {name}")
    assert found(None, {**home, "AWS_PROFILE": "tool"})["process"].startswith("/bin/give-keys")
    assert found(None, {**home, "AWS_ACCESS_KEY_ID": "x"}) == {}
    for name in ("empty", "none"):
        with pytest.raises(UsageError, match="there are no keys in the profile"):
            found(name, home)


def test_a_program_gives_keys_and_says_when_they_end(tmp_path: Path) -> None:
    path = program(tmp_path, giving("k", "s", SessionToken="t", Expiration="2027-01-01T00:00:00Z"))
    keys = ProcessCredentials(f"{path} --for 'a b'")()
    assert keys["expires_at"] == datetime(2027, 1, 1, tzinfo=UTC)
    assert (keys["access_key_id"], keys["secret_access_key"], keys["token"]) == ("k", "s", "t")
    assert Path(f"{path}.asked").read_text() == "--for a b\n"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("print('no JSON')", "gave no keys"),
        ("print('{}')", "gave no keys"),
        ("print('[]')", "gave no keys"),
        ("sys.exit('the session is over')", "the session is over"),
    ],
)
def test_a_program_without_keys_is_an_error_in_its_own_words(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(DeniedError, match=said):
        ProcessCredentials(str(program(tmp_path, body)))()
    with pytest.raises(DeniedError, match="is not installed"):
        ProcessCredentials(str(tmp_path / "none"))()


@pytest.mark.slow
def test_short_lived_keys_of_sso_are_asked_for_again_and_again(
    s3: S3Server, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command line of AWS, which a small program stands for; also where a helper reads."""
    soon = (datetime.now(UTC) + timedelta(seconds=60)).isoformat()
    aws = program(tmp_path, giving(s3.key, s3.secret, Expiration=soon), "aws")
    home = Path(os.environ["HOME"]) / ".aws"
    home.mkdir()
    (home / "config").write_text("[profile team]\nsso_session = corp\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    ann = first_clone(tmp_path / "ann", str(make_hub(tmp_path / "hub.git")), capfd)
    url = f"s3://{S3_BUCKET}/{tmp_path.name}"
    ann.tracker("remote", "add", "lab", url, "--endpoint", s3.endpoint, "--profile", "team")
    ann.tracker("remote", "test")
    ann.git("add", "-A")
    ann.git("commit", "-q", "-m", "remote")
    ann.git("push", "-q", "origin", "main")
    ann.put("data", {"a": b"one"})
    ann.tracker("push")
    asked = Path(f"{aws}.asked").read_text().splitlines()
    assert len(asked) >= 2
    assert set(asked) == {"configure export-credentials --format process --profile team"}
    bob = clone_of(ann, "bob")
    bob.tracker("artifact", "get", "data", "out")
    assert (bob.folder / "out" / "a").read_bytes() == b"one"
    aws.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('the session is over')\n")
    said = ann.tracker("push", fails=True)
    assert "the session is over" in said.err
    assert "aws sso login" in said.err
