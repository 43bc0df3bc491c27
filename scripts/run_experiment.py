"""Run one experiment with one seed."""

from pathlib import Path

from fmstudy.workflow import warmstart

with warmstart.job(snakemake.log[0], snakemake.threads):
    from fmstudy import runtime
    from fmstudy.engines import cost, device
    from fmstudy.experiments import best_rates, common

    params, seed = snakemake.params, int(snakemake.wildcards.seed)
    device.prepare_device(snakemake.threads, params.get("device", "cpu"))
    laps = cost.Laps()
    settings = dict(params.settings)
    if rates := snakemake.input.get("rates"):
        results = best_rates.results_table(range(len(rates)), map(best_rates.read_rates, rates))
        settings["best"] = best_rates.best_rates(results, settings)
    data = common.load_data(Path(snakemake.input.x_train).parent, settings)
    laps.end("reading")
    rows = runtime.find(params.function)(settings, seed, data)
    laps.end("experiment")
    results, times = common.without_times(rows)
    runtime.write_table(snakemake.output.results, results)
    laps.end("writing")
    experiment = Path(snakemake.output.results).parents[1].name
    job = {"experiment": experiment, "seed": seed, "code": params.code}
    job["digests"] = runtime.file_digests([snakemake.output.results])
    arithmetic, machine = cost.TOTAL.arithmetic, device.machine()
    job_cost = cost.record(laps, snakemake.threads, arithmetic, machine=machine)
    provenance = job | {"times": times, "steps": cost.TOTAL.steps} | job_cost
    runtime.write_json(snakemake.output.provenance, provenance)
