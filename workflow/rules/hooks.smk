# Hooks: the check of results, groups, the rate of jobs, the warm processes, and the end of the
# terminal output.  A second `onstart` would replace the first, so all of this is in one file.

from fmstudy.workflow import made, warmstart


def check_results(warn=lambda text: None):
    """Recognize results that were copied or edited, and record those that were made."""
    if workflow.is_main_process and not is_module:
        made.check_results(workflow, warn)


made.ignore_script_times()
check_results(logger.warning)

# Rules without a priority take a second or two per job.  On a cluster they form one group, except
# where files are in a storage: jobs that read fonts stay on this machine, and for a group of them,
# Snakemake (9.27) fetches all inputs from there before the first job has made any.
has_storage = workflow.storage_settings.default_storage_provider is not None
for quick in workflow.rules:
    ours = quick.basedir == workflow.current_basedir
    if ours and quick.script and not quick.priority and not has_storage:
        quick.group = "report"

# By default, Snakemake (9.27) starts at most 100 jobs per second.  After each finished job it
# starts a timer that restarts itself, so timers accumulate and occupy a core after a few hundred
# jobs.
DEFAULT_RATE = (100, 1)  # jobs, seconds


def without_default_rate(scheduler):
    """Remove the default limit on the rate of jobs, but keep one set by the user."""
    limiter = getattr(scheduler, "job_rate_limiter", None)
    rate = (getattr(limiter, "max_jobs", None), getattr(limiter, "timespan", None))
    if rate == DEFAULT_RATE:
        scheduler.job_rate_limiter = None


def refuse_without_gpu():
    """Exit if TensorFlow has no GPU here; only TensorFlow can tell, which takes seconds to import."""
    if problem := warmstart.why_no_gpu():
        problem = configuration.Problem(("device",), f"is gpu, but {problem}")
        refuse(configuration.report([problem], origins))


onstart:
    without_default_rate(workflow.scheduler)
    # Jobs on other machines or in their own environments or containers cannot use warm processes,
    # and may have another GPU.
    if workflow.local_exec and not workflow.deployment_settings.deployment_method:
        if any("device" in job.params.keys() for job in workflow.dag.needrun_jobs()):
            refuse_without_gpu()
        warmstart.start()


onsuccess:
    check_results()
    if screen:
        screen.end(success=True)


onerror:
    check_results()
    if screen:
        screen.end()
