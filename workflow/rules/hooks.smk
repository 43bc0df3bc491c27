# Around a run: the warm processes that jobs start from, and what is said while the study runs.
# All in one place, because a workflow has one `onstart`: a second one would replace the first.

import sys

from fmstudy import warmstart
from snakemake.settings.enums import Quietness

follower = progress.Follower(LOGS)


onstart:
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
