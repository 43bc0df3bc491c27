# What is said while the study runs: how far it is, and how long the rest may take.

import sys

from snakemake.settings.enums import Quietness

follower = progress.Follower(LOGS)


onstart:
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
