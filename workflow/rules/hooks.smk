# Around a run: its end on the terminal, how jobs are chosen, and the warm processes that they
# start from.  All in one place: a workflow has one `onstart`, and a second would replace the first.

import sys

from fmstudy.workflow import warmstart

# Snakemake (9.27) starts at most 100 jobs per second unless told otherwise.  It checks that after
# each finished job with a timer that restarts itself, so the timers pile up, and after some
# hundred jobs they keep a core busy.
DEFAULT_RATE = (100, 1)  # jobs, seconds


def without_default_rate(scheduler):
    """Let jobs start at any rate, unless somebody has asked for one."""
    limiter = getattr(scheduler, "job_rate_limiter", None)
    rate = (getattr(limiter, "max_jobs", None), getattr(limiter, "timespan", None))
    if rate == DEFAULT_RATE:
        scheduler.job_rate_limiter = None


def with_greedy_choice(scheduler):
    """Start the job of the highest priority, unless somebody has asked for another scheduler.

    By default Snakemake solves a linear program whenever a job ends.
    """
    greedy = getattr(scheduler, "job_selector_greedy", None)
    asked = any(word.startswith("--scheduler") for word in sys.argv)
    if greedy and hasattr(scheduler, "_job_selector") and not asked:
        scheduler._job_selector = greedy


onstart:
    without_default_rate(workflow.scheduler)
    with_greedy_choice(workflow.scheduler)
    # Jobs on other machines, or in environments and containers of their own, start by themselves.
    if workflow.local_exec and not workflow.deployment_settings.deployment_method:
        warmstart.start()


onsuccess:
    if screen:
        screen.end(success=True)


onerror:
    if screen:
        screen.end()
