"""Versions that their collection's rule or their own lifetime does not keep any more.

A rule comes from `keep:` of tracker.yaml, else from `log_artifact(keep=…)`. Whatever it
says, these stay: the version that `latest` names, one with another alias or a tag, one
that another run used, and one that a pointer in any commit names.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tracker.storage.catalog import Catalog, RunEntry
from tracker.storage.history import read_columns, summary_of
from vcs.artifacts.keep_rules import KeepRule, kept_by, parse_keep, rule_for
from vcs.artifacts.manifest import Manifest
from vcs.clock import parse_time
from vcs.errors import Error
from vcs.repo import Repo
from vcs.retention.reachability import pointers_of


@dataclass(frozen=True)
class Expired:
    """A version to be deleted, and why."""

    manifest: Manifest
    reason: str


@dataclass(frozen=True)
class RetentionPlan:
    """What the rules come to.

    Attributes:
        expired: Versions that nothing keeps.
        warnings: Sentences about rules that cannot be followed; nothing is deleted by those.
    """

    expired: tuple[Expired, ...] = ()
    warnings: tuple[str, ...] = ()


def plan_retention(repo: Repo, *, now_s: float | None = None) -> RetentionPlan:
    """Apply all rules; changes nothing. Reads the records of runs only where there is a rule.

    Raises:
        StoreError, GitError: What may keep a version cannot be read.
    """
    now = time.time() if now_s is None else now_s
    expired: list[Expired] = []
    warnings: list[str] = []
    protected: _Protected | None = None
    for project, name in repo.collections.names():
        rule, problem = _rule_of(repo, project, name)
        if problem:
            warnings.append(problem)
        versions = repo.collections.versions(project, name)
        wanted = {
            v.number: f"its lifetime of {ttl:g} s is over"
            for v in versions
            if (ttl := _overdue_s(repo, v, now))
        }
        if rule is not None:
            metrics = _Metrics(repo)
            kept, unknown = kept_by(rule, versions, metrics.of, now)
            warnings += [
                f"no version of {project}/{name} has the metric {metric}, so all are kept"
                for metric in unknown
            ]
            wanted |= {v.number: f"not among: {rule.text}" for v in versions if v.number not in kept}
        if wanted:
            protected = protected or _Protected(repo)
            expired += [
                Expired(version, wanted[version.number])
                for version in versions
                if version.number in wanted and not protected.has(version)
            ]
    return RetentionPlan(tuple(expired), tuple(warnings))


def _rule_of(repo: Repo, project: str, name: str) -> tuple[KeepRule | None, str | None]:
    rule = rule_for(repo.settings.keep, project, name)
    if rule is not None:
        return rule, None
    text = repo.collections.collection_details(project, name).keep
    try:
        return (parse_keep(text) if text is not None else None), None
    except Error as error:
        return None, f"{project}/{name}: {error.message}"


def _overdue_s(repo: Repo, version: Manifest, now_s: float) -> float | None:
    """Return the lifetime of a version if it is over."""
    ttl_s = repo.collections.effective(version).ttl_s if version.source is None else None
    if ttl_s is None or parse_time(version.created).timestamp() + ttl_s > now_s:
        return None
    return ttl_s


class _Protected:
    """What no rule may delete."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._used: dict[str, set[tuple[str, str]]] = {}
        for entry in Catalog(repo.layout).runs():
            for used in entry.record.used:
                self._used.setdefault(used.digest, set()).add((entry.project, entry.id))
        self._pointed = {d for one in pointers_of(repo.git) for d in one.digests} if repo.git else set()

    def has(self, version: Manifest) -> bool:
        aliases = self._repo.collections.aliases(version.project, version.name)
        if any(named == version.version for named in aliases.values()):
            return True
        own = (version.project, version.origin.run or "")
        return (
            version.digest in self._pointed
            or bool(self._repo.collections.effective(version).tags)
            or bool(self._used.get(version.digest, set()) - {own})
        )


class _Metrics:
    """The value of a metric when a version was logged."""

    def __init__(self, repo: Repo) -> None:
        self._catalog = Catalog(repo.layout)
        self._run = lru_cache(maxsize=None)(self._find)
        self._column = lru_cache(maxsize=64)(self._read)

    def of(self, version: Manifest, metric: str) -> float | None:
        """Return it from the metadata, else from the run: its rows up to that step, else its summary."""
        value = _number(_inner(version.metadata, metric))
        if value is not None or version.origin.run is None:
            return value
        entry = self._run(version.project, version.origin.run)
        if entry is None:
            return None
        steps, values = self._column(version.project, version.origin.run, metric)
        step = version.origin.step
        known = [v for s, v in zip(steps, values, strict=True) if step is None or s <= step]
        if known:
            return known[-1]
        return _number(_inner(summary_of(entry.layout, entry.record.metrics), metric))

    def _find(self, project: str, run: str) -> RunEntry | None:
        try:
            return self._catalog.find(run, project)
        except Error:
            return None

    def _read(self, project: str, run: str, metric: str) -> tuple[list[int], list[float]]:
        entry = self._run(project, run)
        assert entry is not None
        columns = read_columns(entry.layout, ["_step", metric], damaged=[])
        rows = [
            (step, number)
            for step, value in zip(columns["_step"], columns[metric], strict=True)
            if (number := _number(value)) is not None
        ]
        return [step for step, _ in rows], [number for _, number in rows]


def _inner(values: Mapping[str, Any], metric: str) -> Any:
    """Return a value by its key, or by a path of keys with dots."""
    if metric in values:
        return values[metric]
    found: Any = values
    for part in metric.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
