"""A run made of what a commit holds, rather than of a script that logs; for the git hooks."""

from __future__ import annotations

from hooks.auto_run import AutoRun

JOB_TYPE = "auto-log"


def record(made: AutoRun) -> tuple[str, str]:
    """Write a finished run and return its project and id.

    It is a run of its own, whatever the environment says of runs to resume, and is silent.

    Raises:
        vcs.errors.Error: It could not be begun, or an artifact not be stored; what is
            recorded by then stays, as a failed run.
    """
    import tracker
    from tracker.values.random_names import generate_id

    run = tracker.init(
        project=made.project,
        id=generate_id(),
        name=f"commit-{made.commit[:7]}",
        notes=made.title,
        job_type=JOB_TYPE,
        config=dict(made.config),
        mode="offline",
        resume="never",
        settings=tracker.Settings(silent=True, console="off", x_disable_stats=True),
    )
    try:
        for step, row in made.rows:
            run.log(dict(row), step=step)
        run.summary.update(dict(made.summary))
        for one in made.artifacts:
            artifact = tracker.Artifact(one.name, one.type)
            if one.path.is_dir():
                artifact.add_dir(str(one.path))
            else:
                artifact.add_file(str(one.path))
            run.log_artifact(artifact)
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()
    return run.project, run.id
