# Around a run: the warm processes that jobs start from, and what is said while the study runs.
# All in one place, because a workflow has one `onstart`: a second one would replace the first.

import sys

from fmstudy import warmstart
from snakemake.settings.enums import Quietness

follower = progress.Follower(LOGS)

# By default Snakemake (9.27) starts at most 100 jobs a second.  It looks for that after each job
# that ends, by a timer that starts itself again and again; so the timers grow as many as the jobs
# that have ended, and after some hundred they keep a core busy.
DEFAULT_RATE = (100, 1)  # jobs, seconds


def without_default_rate(scheduler):
    """Let jobs start at any rate, unless somebody has asked for one."""
    limiter = scheduler.job_rate_limiter
    if limiter and (limiter.max_jobs, limiter.timespan) == DEFAULT_RATE:
        scheduler.job_rate_limiter = None


onstart:
    without_default_rate(workflow.scheduler)
    # Jobs on other machines, or in environments and containers of their own, start by themselves.
    if workflow.local_exec and not workflow.deployment_settings.deployment_method:
        warmstart.start()
    if workflow.is_main_process:
        follower.begin(
            logger,
            jobs_of_this_run,
            terminal=sys.stderr.isatty(),
            extra={"quietness": Quietness.PROGRESS},
        )


onsuccess:
    follower.end()


onerror:
    follower.end()
