"""Keys of AWS that a program gives: `credential_process` of a profile, or the command line of AWS.

The program is run when its keys are about to be out of date, so a push that takes hours
outlives those of SSO and of roles.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from vcs.buckets.base import DeniedError

_TIMEOUT_S = 60.0


class ProcessCredentials:
    """What obstore asks for keys."""

    def __init__(self, command: str) -> None:
        """`command` is one line, of words as a shell has them; no shell runs it."""
        self._command = shlex.split(command)

    def __call__(self) -> dict[str, Any]:
        """Return the keys of now, and when they end.

        Raises:
            DeniedError: The program gives none.
        """
        said = self._run(self._command)
        try:
            found = json.loads(said)
            ends = found.get("Expiration")
            return {
                "access_key_id": str(found["AccessKeyId"]),
                "secret_access_key": str(found["SecretAccessKey"]),
                "token": found.get("SessionToken"),
                "expires_at": datetime.fromisoformat(ends) if ends else None,
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DeniedError(f"{self._command[0]} gave no keys of AWS") from None

    def _run(self, command: Sequence[str]) -> bytes:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_TIMEOUT_S
            )
        except FileNotFoundError:
            raise DeniedError(
                f"{command[0]} is not installed, and the profile needs it for its keys",
                hint="install it, or keep a key of your own: tracker login",
            ) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DeniedError(f"{command[0]} gave no keys of AWS: {error}") from error
        if done.returncode:
            lines = done.stderr.decode(errors="replace").strip().splitlines()
            raise DeniedError(
                f"{command[0]} gave no keys of AWS: {lines[-1] if lines else f'status {done.returncode}'}",
                hint="where the profile uses SSO: aws sso login",
            )
        return done.stdout
