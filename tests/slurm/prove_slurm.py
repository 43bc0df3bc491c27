"""The quick study on a real SLURM of one node, with a training canceled, beside a plain run.

    python tests/slurm/prove_slurm.py [FOLDER]

makes two copies of the study in FOLDER (without it, in a temporary one), runs one as
`make quick` would and the other through `sbatch` (slurmcluster), cancels the first training that
is seen at work, and prints the list of jobs, what became of the canceled one, and which files
differ. The exit code says whether all is as it should be. Takes the time of `make quick` about
four times, because each job in the queue starts Snakemake twice; an interrupted run can be
started again with the same FOLDER and goes on.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import slurmcluster

REPOSITORY = Path(__file__).resolve().parents[2]
SNAKEMAKE = [sys.executable, "-m", "snakemake", "report", "--rerun-incomplete"]
QUICK = ["--configfile", "config/quick.yaml"]
ON_CLUSTER = ["--workflow-profile", "workflow/profiles/slurm", "--slurm-status-command", "squeue"]
ON_CLUSTER += ["--slurm-init-seconds-before-status-checks", "5"]
ON_CLUSTER += ["--cores", "2"]  # in the job of the tables and figures; the node has no more
# What says when, where or for how long something ran, or rests on it.
TIMES = re.compile(
    r".*/provenance\.json"
    r"|.*/tables/(cost|machine|bn_costs|bn_[\w-]+_times)\.(csv|tex)"
    r"|.*/tables/bn_((curves|speed)_(quantities|predictions)|predictions|claims)\.(csv|tex)"
    r"|.*/figures/bn_(curves|speed)\.(svg|png|csv)"
    r"|report/quick\.(html|pdf)"
)


def main(folder: Path) -> int:
    """Run both, compare, and say what came out; 0 if all is as it should be."""
    local, remote = clone(folder / "local"), clone(folder / "cluster")
    started = time.monotonic()
    subprocess.run([*SNAKEMAKE, "--cores", "2", *QUICK], cwd=local, check=True)
    print(f"\nThe plain run took {time.monotonic() - started:.0f} s.\n", flush=True)
    started = time.monotonic()
    with slurmcluster.cluster() as cluster:
        said, canceled = run_on(cluster, remote)
        jobs = cluster.completed()
    seconds = time.monotonic() - started
    print(f"\nThe run on the cluster took {seconds:.0f} s, in {len(jobs)} jobs:\n")
    recovered = list_jobs(jobs, said, canceled)
    return 0 if compare(local, remote) and recovered else 1


def clone(directory: Path) -> Path:
    """Copy what a clone of the repository holds, unless it is there."""
    leave = shutil.ignore_patterns("__pycache__", "*.html", "*.pdf")
    for name in ("workflow", "scripts", "report", "config"):
        if not (directory / name).exists():
            shutil.copytree(REPOSITORY / name, directory / name, ignore=leave)
    shutil.copy(REPOSITORY / "Snakefile", directory)
    return directory


def run_on(cluster: slurmcluster.Cluster, directory: Path) -> tuple[str, str | None]:
    """Run the study on the cluster and cancel a training; give what was said and which it was."""
    output, canceled = directory / "said", None
    with open(output, "w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*SNAKEMAKE, *ON_CLUSTER, *QUICK],
            cwd=directory,
            env=cluster.environment,
            stdout=out,
            stderr=out,
        )
        try:
            while process.poll() is None:
                if not canceled and (canceled := cluster.training_at_work(directory)):
                    cluster.run("scancel", canceled)
                time.sleep(0.2)
        finally:
            process.terminate()
            process.wait()
    said = output.read_text(encoding="utf-8")
    if process.returncode:
        print(said[-5000:])
    return said, canceled


def list_jobs(jobs: list[dict[str, str]], said: str, canceled: str | None) -> bool:
    """Print what SLURM noted of each job; tell whether the canceled one was made in the end."""
    submitted = re.findall(r"SLURM jobid (\d+) \(log: \S+/slurm_logs/(\S+)/\d+\.log\)", said)
    purpose = dict(submitted)
    for job in jobs:
        start, end = (job[key].split("T")[1] for key in ("StartTime", "EndTime"))
        asked = ", ".join(job["Tres"].split(",")[:2])
        what = purpose.get(job["JobId"], "")
        limit = f"{job['TimeLimit']} min"
        print(f"{job['JobId']:>4} {job['JobState']:10} {start} {end}  {asked}, {limit}  {what}")
    again = [
        job["JobId"]
        for job in jobs
        if purpose.get(job["JobId"]) == purpose.get(canceled) and job["JobState"] == "COMPLETED"
    ]
    print(f"\nCanceled while it was at work: job {canceled}, {purpose.get(canceled)}.")
    print(f"The same again, completed: job {', '.join(again) or 'none'}.")
    return bool(again)


def compare(local: Path, remote: Path) -> bool:
    """Print how many files have the same bytes and which have not; tell if those may differ."""
    paths = {
        str(path.relative_to(directory))
        for directory in (local, remote)
        for pattern in ("results/**/*", "report/quick.*")
        for path in directory.glob(pattern)
        if path.is_file()
    }
    different = {
        path
        for path in paths
        if not all((directory / path).exists() for directory in (local, remote))
        or (local / path).read_bytes() != (remote / path).read_bytes()
    }
    wrong = sorted(path for path in different if not TIMES.fullmatch(path))
    print(f"\n{len(paths) - len(different)} of {len(paths)} files have the same bytes.")
    names = sorted({Path(path).name for path in different - set(wrong)})
    print(f"Others rest on when, where or for how long something ran: {', '.join(names)}.")
    print(f"Others that should be the same: {', '.join(wrong) or 'none'}.")
    return not wrong


if __name__ == "__main__":
    try:
        if len(sys.argv) > 1:
            sys.exit(main(Path(sys.argv[1])))
        with tempfile.TemporaryDirectory() as temporary:
            sys.exit(main(Path(temporary)))
    except slurmcluster.ClusterError as error:
        sys.exit(str(error))
