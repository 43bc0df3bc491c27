"""Converts Snakemake's plan to the types of `progress`."""

from __future__ import annotations

from typing import Any

from fmstudy.study.plan import Study
from fmstudy.workflow import estimates, made, progress, wording


def job_subject(wildcards: Any) -> str:
    """Return the run or experiment of a job, if any."""
    return wildcards.get("run") or wildcards.get("experiment") or ""


def describe_run(workflow: Any, study: Study) -> progress.Run:
    """Describe the jobs that Snakemake will run; `workflow` is its object of that name."""
    dag, scheduler = workflow.dag, workflow.scheduler
    by_id = {job.jobid: job for job in dag.needrun_jobs()}

    def described(job: Any) -> progress.Job:
        reason = dag.reason(job)
        # Target rules and touched files take no time.
        idle = job.is_norun or workflow.touch
        name = job_subject(job.wildcards)
        return progress.Job(
            job.jobid,
            job.rule.name,
            0.0 if idle else estimates.job_seconds(study, job.rule.name, name),
            job.wildcards_dict,
            log=str(job.log[0]) if job.log else None,
            reason=wording.run_reason(
                reason.get_names(),
                reason.params_changed.only_new,
                job.params.get("code"),
                is_unknown=made.UNKNOWN in reason.params_changed.only_old,
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
