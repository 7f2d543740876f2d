"""Where everything lies on disk; the only file that spells these paths.

`records` are plain files for people (`.tracker/`); `machinery` is the bytes and
what serves them (`.git/tracker/`, or `.tracker/store/` without git). Formats are
described in docs/formats.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vcs.digest import digest_bytes

RECORDS_DIR = ".tracker"
SETTINGS_FILE = "tracker.yaml"
IGNORE_FILE = ".trackerignore"
POINTER_SUFFIX = ".tracker"
LEDGER_REF = "refs/tracker/ledger"
CODE_REFS = "refs/tracker/code/"
REMOTE_REFS = "refs/tracker/remotes/"
MERGE_REF = "refs/tracker/merge"
BRANCH_REFS = "refs/tracker/branches/"


@dataclass(frozen=True)
class Layout:
    """The places of one project.

    Attributes:
        root: The main working tree, or the plain folder, that holds the records.
        worktree: The working tree in which the process runs: `root`, or a linked
            worktree of the same repository.
        records: `.tracker`.
        machinery: `.git/tracker` of the common git directory, or `.tracker/store`.
        git_dir: The common git directory; None without a repository.
        objects_root: Where `objects/` and `packs/` lie: `machinery`, or the folder
            that `store:` or TRACKER_STORE names.
    """

    root: Path
    worktree: Path
    records: Path
    machinery: Path
    git_dir: Path | None
    objects_root: Path

    @property
    def objects(self) -> Path:
        return self.objects_root / "objects"

    @property
    def packs(self) -> Path:
        return self.objects_root / "packs"

    @property
    def store_tmp(self) -> Path:
        """Temporary files of the store; on the file system of the objects."""
        return self.objects_root / "tmp"

    @property
    def plain_machinery(self) -> Path:
        """Where the machinery of these records lies without git, or lay before there was one."""
        return self.records / "store"

    @property
    def stat_cache(self) -> Path:
        return self.machinery / "stat-cache"

    @property
    def locks(self) -> Path:
        return self.machinery / "locks"

    @property
    def live(self) -> Path:
        """One small file for each session that has not ended; named after the run."""
        return self.machinery / "live"

    @property
    def package_cache(self) -> Path:
        """The installed packages as they were last found; may be deleted."""
        return self.machinery / "packages.json"

    @property
    def saved(self) -> Path:
        """Copies of what a forced checkout of tracked paths overwrote; one folder for each time."""
        return self.machinery / "saved"

    @property
    def environments(self) -> Path:
        """Virtual environments built from recorded packages; may be deleted."""
        return self.machinery / "envs"

    def remote_cache(self, key: str) -> Path:
        """What was read of the index of a remote; may be deleted."""
        return self.machinery / "remotes" / key

    @property
    def push_log(self) -> Path:
        """What pushes in the background said."""
        return self.machinery / "push.log"

    def worktree_of(self, project: str, run_id: str) -> Path:
        """Where `tracker resume` and `tracker reproduce` check out the code of a run."""
        return self.machinery / "worktrees" / project / run_id

    def bisect_memory(self, project: str, run_id: str) -> Path:
        """What `tracker bisect` found out by running the command of a run at commits."""
        return self.machinery / "bisect" / project / f"{run_id}.json"

    def sweep_memory(self, project: str, sweep_id: str) -> Path:
        """What the sampler of a sweep remembers; can be made again from the runs."""
        return self.machinery / "sweeps" / project / sweep_id

    @property
    def ledger_mark(self) -> Path:
        """Names the ledger commit that the records were last in step with."""
        return self.records / "ledger-head"

    @property
    def ledger_step(self) -> Path:
        """Names the ledger commits from and to which the records are just being brought."""
        return self.machinery / "ledger-step"

    @property
    def settings(self) -> Path:
        return self.root / SETTINGS_FILE

    @property
    def resume_mark(self) -> Path:
        """The run that `resume="auto"` continues; removed when a run ends well."""
        return self.records / "resume.json"

    @property
    def hooks(self) -> Path:
        """What `hooks install` remembers of this repository; shared by its working trees."""
        return self.machinery / "hooks"

    # records

    @property
    def commits(self) -> Path:
        """What the records have to do with the user's commits; append-only."""
        return self.records / "commits.yaml"

    @property
    def artifacts(self) -> Path:
        return self.records / "artifacts"

    @property
    def runs(self) -> Path:
        return self.records / "runs"

    @property
    def sweeps(self) -> Path:
        return self.records / "sweeps"

    def sweep(self, project: str, sweep_id: str) -> Path:
        return self.sweeps / project / f"{sweep_id}.yaml"

    def collection(self, project: str, name: str) -> Path:
        return self.artifacts / project / name

    def manifest(self, project: str, name: str, version: int) -> Path:
        return self.collection(project, name) / f"v{version}.yaml"

    def aliases(self, project: str, name: str) -> Path:
        return self.collection(project, name) / "aliases.yaml"

    def edits(self, project: str, name: str) -> Path:
        return self.collection(project, name) / "edits.yaml"

    def collection_lock(self, project: str, name: str) -> Path:
        """Held by who makes a version or moves an alias."""
        return self.locks / f"artifact-{digest_bytes(f'{project}/{name}'.encode())[:16]}"

    def run(self, project: str, run_id: str) -> RunLayout:
        return RunLayout(self.runs / project / run_id)


def remote_ledger(remote: str) -> str:
    """The ref that holds the ledger of a remote as it was last seen; any text can name a remote."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]+", remote)
    return f"{REMOTE_REFS}{remote if plain else digest_bytes(remote.encode())[:16]}/ledger"


def tracked_memory(git_dir: Path) -> Path:
    """What one working tree remembers of its tracked paths; `git_dir` is its own, not the common one.

    So git takes the memory away together with a linked worktree.
    """
    return git_dir / "tracker" / "tracked"


def hook_state(git_dir: Path) -> Path:
    """What the hooks of one working tree leave for each other; `git_dir` as for `tracked_memory`."""
    return git_dir / "tracker" / "hooks"


@dataclass(frozen=True)
class RunLayout:
    """The files of one run."""

    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / "run.yaml"

    @property
    def lock(self) -> Path:
        """Held by who changes the record. No run or project may have a name that begins with a dot."""
        return self.folder.parent / ".locks" / self.folder.name

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def summary(self) -> Path:
        return self.folder / "summary.yaml"

    @property
    def history(self) -> Path:
        return self.folder / "history"

    def history_segment(self, session: int, rank: str) -> Path:
        return self.history / f"{session}-{rank}.jsonl"

    @property
    def system(self) -> Path:
        """System metrics, in the format of history, one segment a session and rank."""
        return self.folder / "system"

    def system_segment(self, session: int, rank: str) -> Path:
        return self.system / f"{session}-{rank}.jsonl"

    @property
    def output(self) -> Path:
        return self.folder / "output.log"

    @property
    def requirements(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def media(self) -> Path:
        return self.folder / "media"

    @property
    def files(self) -> Path:
        """What `run.save` keeps and `run.dir` offers to scripts."""
        return self.folder / "files"
