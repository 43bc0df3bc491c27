"""What Snakemake is about to do, read off its workflow, in the terms of `progress`."""

from __future__ import annotations

from typing import Any

from fmstudy.study.plan import Study
from fmstudy.workflow import estimates, progress, wording


def named(wildcards: Any) -> str:
    """Give the run or the experiment that a job is about, if any."""
    return wildcards.get("run") or wildcards.get("experiment") or ""


def this_run(workflow: Any, study: Study) -> progress.Run:
    """Describe what Snakemake is about to do; `workflow` is Snakemake's object of that name."""
    dag, scheduler = workflow.dag, workflow.scheduler
    by_id = {job.jobid: job for job in dag.needrun_jobs()}

    def described(job: Any) -> progress.Job:
        reason = dag.reason(job)
        # A target for people, or a touched file, takes no time.
        idle = job.is_norun or workflow.touch
        name = named(job.wildcards)
        return progress.Job(
            job.jobid,
            job.rule.name,
            0.0 if idle else estimates.seconds_of(study, job.rule.name, name),
            job.wildcards_dict,
            log=str(job.log[0]) if job.log else None,
            reason=wording.why(
                reason.get_names(), reason.params_changed.only_new, job.params.get("code")
            ),
        )

    jobs = [described(job) for job in by_id.values()]
    targets = [
        str(path)
        for job in dag.targetjobs
        for path in (job.input if job.is_norun else job.output)
        if job.is_norun or job.rule in dag.targetrules or path in dag.targetfiles
    ]
    return progress.Run(
        jobs,
        slots=workflow.cores if workflow.local_exec else min(workflow.nodes, len(jobs)),
        targets=targets,
        keep_going=workflow.execution_settings.keep_going,
        finished=lambda id: dag.finished(by_id[id]),
        failed=lambda id: by_id[id] in scheduler.failed,
        retried=lambda id: by_id[id].restart_times >= by_id[id].attempt,
    )
