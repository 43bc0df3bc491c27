"""The report: everything in one file, numbers from results, nothing from outside, no surprises.

Inputs are made up from the real configuration: small figures, and tables whose values follow
from the model's place in the study.
"""

import base64
import copy
import csv
import hashlib
import html.parser
import itertools
import re
from pathlib import Path

import pytest
import yaml

from fmstudy import (
    bn_judging,
    comparing,
    configuration,
    explorer,
    formats,
    ledger,
    report,
    verdicts,
)
from fmstudy import study as studies
from fmstudy.experiments import EXPERIMENTS
from fmstudy.runtime import StudyError, write_json

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "report/templates"
EXPECTED = yaml.safe_load((ROOT / "config/batchnorm.yaml").read_text(encoding="utf-8"))
HOSTILE = '<script>alert("1")</script> & $x$ {{ 7 * 7 }} "quoted"'
METRICS = [
    *("train_accuracy", "train_loss", "train_objective", "validation_accuracy"),
    *("validation_loss", "test_accuracy", "test_loss", "test_objective"),
    *("gap_accuracy", "gap_loss"),
]


# ------------------------------------------------------------------------- inputs, made up
def configured() -> dict:
    return yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def spread(name: str, value: float | None, seeds: int) -> dict:
    if value is None:
        return dict.fromkeys((name, f"{name}_sd", f"{name}_min", f"{name}_max"), "")
    deviation = 0.002 if seeds > 1 else ""
    wide = 0.002 if seeds > 1 else 0
    return {
        name: value,
        f"{name}_sd": deviation,
        f"{name}_min": value - wide,
        f"{name}_max": value + wide,
    }


def model_row(model, place: int) -> dict:
    keras = model.spec.engine == "keras"
    test = 0.80 + 0.005 * place
    values = {
        "train_accuracy": test + 0.02,
        "train_loss": 0.5 - 0.01 * place,
        "train_objective": 0.5 - 0.01 * place + 1000 * model.spec.delta,
        "validation_accuracy": test + 0.001 if keras else None,
        "validation_loss": 0.55 - 0.01 * place if keras else None,
        "test_accuracy": test,
        "test_loss": 0.56 - 0.01 * place,
        "test_objective": 0.56 - 0.01 * place + 1000 * model.spec.delta,
        "gap_accuracy": 0.019 if keras else 0.02,
        "gap_loss": 0.05,
    }
    row = {
        "model": model.name,
        "title": model.title,
        "section": model.section,
        "engine": model.spec.engine,
        "run": model.run,
        "hidden": "-".join(map(str, model.spec.hidden)),
        "parameters": model.spec.parameters,
        "seeds": len(model.seeds),
        "diverged": 0,
    }
    for name in METRICS:
        row |= spread(name, values[name], len(model.seeds))
    return row


def write_csv(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0] if rows else ["model"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def figure(name: str) -> str:
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="576pt" height="216pt"'
        f' viewBox="0 0 576 216" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">Finding of {name}</title>'
        f'<desc id="{name}-desc">How to read {name}.</desc>'
        '<rect x="2" y="2" width="572" height="212" fill="none" stroke="#0072b2"/>'
        f'<text x="20" y="110" font-size="9">{name}</text></svg>\n'
    )


def fabricate(directory: Path, config: dict) -> dict:
    """Write tables, figures and the data's summary; give the arguments of `load_context`."""
    study, problems = studies.build(config)
    assert not problems, configuration.report(problems, {})
    tables, figures = directory / "tables", directory / "figures"
    rows = {model.name: model_row(model, i) for i, model in enumerate(study.models.values())}
    named = {
        section: [rows[model.name] for model in study.section(section)]
        for section in studies.SECTIONS
    }
    named["depth"] = [rows[model.name] for model in study.depth]
    named["epochs"] = [
        {"epochs": at, "seeds": 1}
        | spread("train_accuracy", 0.81 + 0.01 * i, 1)
        | spread("train_loss", 0.6 - 0.03 * i, 1)
        | spread("test_accuracy", 0.795 + 0.015 * i, 1)
        | spread("test_loss", 0.62 - 0.03 * i, 1)
        for i, at in enumerate(study.epochs.at)
    ]
    for sweep in study.sweeps.values():
        named[f"sweep_{sweep.name}"] = [
            {"value": value}
            | model_row(model, i)
            | {"weight_norm": 27.5 - i, "near_zero_share": 0.02 * i}
            for i, (value, model) in enumerate(zip(sweep.values, sweep.models, strict=True))
        ]
    named["weights"] = [
        {
            "model": model.name,
            "title": model.title,
            "seeds": len(model.seeds),
            "weights": 266200,
            "sum": -1234.5 * (i + 1),
            "sum_absolute": 10000.0 - i,
            "norm": 27.1,
            "near_zero_share": 0.016 + 0.1 * i,
            "largest": 0.43,
        }
        for i, model in enumerate(study.weights)
    ]
    named["ledger"] = ledger_rows(study, rows)
    named["comparisons"] = comparison_rows(study, rows)
    named["intervals"] = interval_rows(study, rows)
    named["claims"] = claim_rows()
    named["statistics"] = statistics_rows()
    named["gaps"] = [{"model": "A", "epoch": 0, "seeds": 3, "gap_accuracy": 0.01}]
    named |= closer_rows(study) | batchnorm_rows(study)
    named["runs"] = [
        {
            "run": run,
            "seed": seed,
            "status": "finished",
            "epochs_done": study.runs[run].epochs,
            "parameters": study.runs[run].parameters,
            "train_loss": 0.4,
            "train_penalty": 0.0,
            "train_accuracy": 0.88,
            "validation_loss": "",
            "validation_accuracy": "",
            "test_loss": 0.45,
            "test_penalty": 0.0,
            "test_accuracy": 0.86,
            "engine": study.runs[run].engine,
            "validation_split": study.runs[run].validation_split,
            "code": study.runs[run].engine[0] * 64,
            "python": "3.11.2",
            "tensorflow": "2.20.0",
            "keras": "3.10.0",
            "numpy": "2.0.1",
        }
        for run, seed in study.trainings
    ]
    named["cost"] = [
        {
            "run": run,
            "seed": seed,
            "seconds": 75.0,
            "startup_seconds": 4.0,
            "reading_seconds": 0.5,
            "training_seconds": 65.25,
            "evaluation_seconds": 3.5,
            "writing_seconds": 0.25,
            "processor_seconds": 74.0,
            "peak_memory_mb": 812.4,
            "arithmetic": 1.5e12,
            "threads": 1,
            "finished": "2024-03-01T12:00:00Z",
            "system": "Linux",
            "processor": "A processor",
            "cores": 2,
        }
        for run, seed in study.trainings
    ]
    named["machine"] = [
        {"size": 4096, "repetitions": 5, "threads": 1, "product_rate": 200.0, "slowest": 190.0}
        | {"fastest": 210.0, "system": "Linux", "processor": "A processor", "cores": 2}
    ]
    named["engines"] = [
        {
            "title": title,
            "engine": engine,
            "images": 1000 - i,
            "left_out": i,
            "steps": 20,
            "gradient": 1e-7 * (i + 1),
            "tensor": "coefficients0",
            "tolerance": 1e-5,
            "kept": "yes",
            "loss": 3.4e-6,
            "weight": 2.8e-3,
            "probability": 2.8e-4,
            "loss_rounded": 1.2e-7,
            "weight_rounded": 6.3e-5,
            "probability_rounded": 1.9e-5,
        }
        for i, (title, engine) in enumerate(
            [("Softmax", "lowlevel"), ("Softmax", "keras"), ("300 ReLU, L2", "lowlevel")]
        )
    ]
    named["workflow"] = [
        {"stage": "Data", "rule": "fetch_dataset", "jobs": 4, "needs": ""},
        {"stage": "Trainings", "rule": "train_keras", "jobs": 32, "needs": "fetch_dataset"},
    ]
    for name, content in named.items():
        write_csv(tables / f"{name}.csv", content)
    figures.mkdir(parents=True, exist_ok=True)
    for name in figure_names(study):
        (figures / f"{name}.svg").write_text(figure(name), encoding="utf-8")
        (figures / f"{name}.csv").write_text("panel,series,x,y\n", encoding="utf-8")
    write_json(directory / "summary.json", summary())
    return {
        "study": parameters(study),
        "config": config,
        "summary": directory / "summary.json",
        "tables": sorted(tables.glob("*.csv")),
        "figures": sorted(figures.glob("*.svg")),
        "explorer": explored(study, directory / "explorer.json.gz"),
    }


def explored(study, path: Path) -> Path:
    """What the explorer shows: models of one form whose accuracy ends at 0.9."""
    split = [[0.1, 0.8, 0.9], [2.3, 0.4, 0.3]]
    groups = [
        {"title": "Part A", "kind": "part_a", "models": list(study.models)},
        *(
            {"title": it.title, "kind": "sweep", "models": [model.name for model in it.models]}
            for it in study.sweeps.values()
        ),
    ]
    models = {
        model.name: {
            "title": model.title,
            "setting": "as configured",
            "grid": [0, 1, 2],
            "mean": [split, split],
            "seeds": {"1": [split, split]},
            "numbers": [0.9, 0.3, None, None, 0.85, 0.4, 0.05, 0.1],
            "final": [[text] for text in ("1", "7,841", *("0.9",) * 8)],
            "confusion": [100.0] * 100,
        }
        for model in study.trained()
    }
    classes = [f"Class {i}" for i in range(10)]
    content = {"classes": classes, "start": list(models)[:3], "groups": groups, "models": models}
    explorer.write(content, path)
    return path


def closer_rows(study) -> dict[str, list[dict]]:
    """The tables of the closer look: model by model, a little better each."""
    models = [model for model in study.models.values() if model not in study.closer.leave_out]

    def described(model) -> dict:
        return {"model": model.name, "title": model.title, "engine": model.spec.engine} | {
            "run": model.run,
            "seeds": len(model.seeds),
            "diverged": 0,
        }

    def interval(name: str, value: float) -> dict:
        return {name: value, f"{name}_low": value - 0.007, f"{name}_high": value + 0.007}

    tables = {
        f"classes_{model.name}": [
            described(model)
            | {"label": label, "class": name, "support": 1000}
            | spread("precision", 0.8 + 0.01 * label, len(model.seeds))
            | spread("recall", 0.82 + 0.01 * label, len(model.seeds))
            | spread("f1", 0.81 + 0.01 * label, len(model.seeds))
            for label, name in enumerate(summary()["classes"])
        ]
        for model in study.closer.models
    }
    tables["calibration"] = [
        described(model)
        | {"images": 10000, "accuracy": 0.85, "confidence": 0.85 + 0.01 * (i - 3)}
        | interval("gap", 0.01 * (i - 3))
        | {"ece": 0.03 + 0.001 * i, "ece_min": 0.028, "ece_max": 0.05, "ece_corrected": 0.027}
        | {"ece_low": 0.02, "ece_high": 0.034}
        for i, model in enumerate(models)
    ]
    tables["agreement"] = [
        {"model": a.name, "title": a.title, "other": b.name, "other_title": b.title, "pairs": 6}
        | {"agreement": 0.9, "shared_errors": 0.5 + 0.01 * i, "kappa": 0.6 + 0.02 * i}
        for i, (a, b) in enumerate(itertools.combinations_with_replacement(models[:3], 2))
    ]
    tables["hardest"] = [
        {"image": image, "label": 6, "given": "Shirt", "predicted_label": 0}
        | {"predicted": "Coat", "votes": 9, "trainings": 9, "models": 3, "confidence": 0.9}
        for image in (7, 9)
    ]
    tables["similarity"] = [
        {"correlation": limit, "chosen": int(limit == study.closer.correlation), "pairs": pairs}
        | {"share": pairs / 10000, "exact": 0, "labels_differ": 3, "differ_share": 3 / pairs}
        for limit, pairs in ((0.98, 700), (study.closer.correlation, 300), (0.99, 90))
    ]
    tables["duplicates"] = [
        described(model)
        | {"all_images": 10000, "without_images": 9700, "only_images": 300, "matched": 0.9}
        | interval("all", 0.85)
        | interval("without", 0.848)
        | interval("only", 0.95)
        for model in models
    ]
    return tables


def batchnorm_rows(study) -> dict[str, list[dict]]:
    """The tables of the experiments on batch normalization; verdicts come in turns."""
    seeds = len(study.batchnorm.seeds)
    sure = seeds > 1
    tables = {}
    for experiment, settings in study.batchnorm.settings.items():
        tables[f"bn_{experiment}_quantities"] = [
            {"quantity": name, "unit": "", "seeds": seeds, "mean": value}
            | {"low": 0.9 * value if sure else "", "high": 1.1 * value if sure else ""}
            | {"smallest": value, "largest": value}
            for name, value in measured(experiment, settings).items()
        ]
    words = itertools.cycle((verdicts.SUPPORTED, verdicts.CONTRADICTED, verdicts.UNRESOLVED))
    predictions = bn_judging.all_predictions([], EXPECTED["predictions"]).astype(object)
    for place, row in predictions.iterrows():
        if row["experiment"] not in study.batchnorm.settings:
            continue
        found = {"seeds": seeds, "estimate": 0.0123, "verdict": verdicts.TOO_FEW, "reason": ""}
        if sure:
            found |= {"low": 0.0101, "high": 0.0145, "p": 0.001, "p_holm": 0.02, "family": 7}
            found["verdict"] = next(words)
        found["outcome"] = verdicts.of_prediction(row["expect"], found["verdict"])
        for key, value in found.items():
            predictions.loc[place, key] = value
    claims = bn_judging.claims_table(EXPECTED["claims"], predictions)
    tables["bn_predictions"] = predictions.fillna("").to_dict("records")
    tables["bn_claims"] = claims.to_dict("records")
    tables["bn_costs"] = [
        {"experiment": name, "seed": seed, "seconds": 12.5, "peak_memory_mb": 700.0}
        | {"startup_seconds": 4.0, "reading_seconds": 0.5, "experiment_seconds": 7.5}
        | {"writing_seconds": 0.0, "processor_seconds": 12.0, "steps": 1000, "arithmetic": 1e11}
        | {"threads": 1, "finished": "2026-11-22T12:00:00Z", "system": "Linux"}
        | {"processor": "A processor", "cores": 2, "code": "e" * 16}
        for name in study.batchnorm.trained
        for seed in study.batchnorm.seeds
    ]
    tables["bn_equality"] = [
        {"quantity": "output", "engine": "lowlevel", "deviation": 1.2e-7},
        {"quantity": "moving_averages", "engine": "keras", "deviation": 3.4e-7},
    ]
    return tables


def measured(experiment: str, settings: dict) -> dict[str, float]:
    """Quantities of an experiment by name; with batch normalization they are half as large."""
    found: dict[str, float] = {}

    def put(names: dict[str, float], net: str) -> None:
        half = 0.5 if net.endswith("/bn") else 1.0
        found.update({f"{name}/{net}": half * value for name, value in names.items()})

    nets = [f"{it}/{arm}" for it in settings.get("activations", ()) for arm in ("plain", "bn")]
    if experiment == "learning-rate":
        names = {"decades": 2.5, "highest": 0.5, "best_rate": -1.0, "test_accuracy": 0.87}
        for grid in settings["grids"]:
            for arm in ("plain", "bn"):
                put(names, f"{grid['activation']}/{grid['optimizer']}/{arm}")
    if experiment == "speed":
        names = {"step_seconds": 0.002}
        for level in settings["levels"]:
            percent = f"{100 * level:g}"
            names |= {f"steps_{percent}": 3.0, f"seconds_{percent}": 0.5, f"reached_{percent}": 1.0}
        for net in nets:
            put(names, net)
    if experiment == "evaluation":
        for case in ("epoch", "full"):
            for momentum in settings["momenta"]:
                put({"loss_error": 0.25, "accuracy_error": -0.05}, f"{case}/{momentum:g}")
    if experiment == "shift":
        names = dict.fromkeys(("shift_cosine", "shift_size", "drift", "loss_range"), 0.5)
        for net in nets:
            put(names | {"gradient_change": 1.5, "gradient_change_scaled": 2.0}, net)
    if experiment == "gamma-beta":
        found = {"gamma_from_deviation": 0.4, "beta_from_mean": 0.8, "gaussian_distance": 0.1}
        for arm in ("all", "affine", "output", "nothing"):
            put({"test_accuracy": 0.6}, arm)
    if experiment == "depth":
        for net in nets:
            put({"growth": 1.2}, net)
    if experiment == "init":
        found = dict.fromkeys(("invariance", "invariance_epsilon", "invariance_gradient"), 3e-6)
    return found


def ledger_rows(study, rows: dict) -> list[dict]:
    metrics = {"accuracy": "accuracy", "loss": "loss", "penalised loss": "objective"}
    with open(ROOT / study.published_file, encoding="utf-8", newline="") as file:
        printed = list(csv.DictReader(file))
    table = []
    for row in printed:
        scale = 100 if row["unit"] == "percent" else 1
        names = study.published_models[row["model"]]
        for protocol, name in zip(ledger.PROTOCOLS, names, strict=False):
            model = study.models[name]
            key = f"{row['split']}_{metrics[row['metric']]}"
            ours = scale * rows[name][key]
            entry = {
                "id": row["id"],
                "part": row["part"],
                "source_model": row["model"],
                "setting": row["published_setting"],
                "split": row["split"],
                "metric": row["metric"],
                "unit": row["unit"],
                "as_written": row["as_written"],
                "published": float(row["value"]),
                "protocol": protocol,
                "model": name,
                "title": model.title,
                "run": model.run,
                "seeds": len(model.seeds),
                "reproduced": ours,
                "low": ours - 0.01 * scale,
                "high": ours + 0.01 * scale,
                "difference": ours - float(row["value"]),
                "tolerance": 0.02 * scale,
            }
            entry["verdict"] = verdicts.of_published(
                entry["difference"], entry["tolerance"], row["unit"]
            )
            table.append(entry | {"reason": f"Our mean lies {entry['difference']:.2f} from it."})
    return table


def comparison_rows(study, rows: dict) -> list[dict]:
    table = []
    for metric in comparing.METRICS:
        for comparison in study.comparisons.values():
            names = [model.name for model in comparison.models]
            for first, second in comparing.pairs_of(names, comparison.against):
                seeds = min(len(study.models[first].seeds), len(study.models[second].seeds))
                one, other = (
                    rows[name][metric.replace("test_gap", "gap")] for name in (first, second)
                )
                entry = dict.fromkeys(comparing.COLUMNS, "") | {
                    "metric": metric,
                    "first": first,
                    "second": second,
                    "first_title": study.models[first].title,
                    "second_title": study.models[second].title,
                    "comparisons": comparison.name,
                    "first_value": one,
                    "second_value": other,
                    "difference": other - one,
                    "seeds": seeds,
                    "family": 15,
                    "verdict": verdicts.TOO_FEW,
                }
                if seeds > 1:
                    resolved = abs(other - one) > 0.004
                    entry |= {
                        "low": other - one - 0.004,
                        "high": other - one + 0.004,
                        "p": 0.001,
                        "p_holm": 0.012 if resolved else 0.7,
                        "resolution": 0.0051,
                        "verdict": verdicts.UNRESOLVED,
                    }
                    if resolved:
                        more, less = verdicts._WORDS[verdicts.kind_of(metric)]
                        entry["verdict"] = more if other > one else less
                if metric == "test_accuracy":
                    entry |= {"only_first": 100, "only_second": 150, "mcnemar_p": 0.002}
                    entry |= {"share": 0.6, "share_low": 0.54, "share_high": 0.66}
                table.append(entry)
    return table


def interval_rows(study, rows: dict) -> list[dict]:
    table = []
    for model in study.models.values():
        value = rows[model.name]["test_accuracy"]
        sure = dict.fromkeys(("low", "high", "seeds_low", "seeds_high", "another"), "")
        if len(model.seeds) > 1:
            sure = {"low": value - 0.006, "high": value + 0.006, "another": 0.009}
            sure |= {"seeds_low": value - 0.004, "seeds_high": value + 0.004}
        table.append(
            {"model": model.name, "title": model.title, "metric": "test_accuracy"}
            | {"seeds": len(model.seeds), "value": value}
            | sure
            | {"one_low": value - 0.0065, "one_high": value + 0.0065}
        )
    return table


def claim_rows() -> list[dict]:
    claims = yaml.safe_load((ROOT / "config/claims.yaml").read_text(encoding="utf-8"))["claims"]
    words = itertools.cycle((verdicts.SUPPORTED, verdicts.CONTRADICTED, verdicts.UNRESOLVED))
    table = []
    for name, claim in claims.items():
        row = {
            "claim": name,
            "part": claim["part"],
            "topic": claim["topic"],
            "place": claim["place"],
            "says": claim["says"],
            "hypothesis": "",
            "models": "A",
            "seeds": "",
            "unit": "",
            "estimate": "",
            "low": "",
            "high": "",
            "p": "",
            "p_holm": "",
            "family": "",
            "verdict": verdicts.UNTESTED,
            "reason": claim.get("untested", ""),
            "printed_hypothesis": "",
            "printed_value": "",
            "printed_unit": "",
            "printed_verdict": "",
            "literature": " ".join(claim.get("literature", [])),
            "part_c": claim.get("part_c", ""),
        }
        if "test" in claim:
            row |= {"hypothesis": "test accuracy: A minus Softmax: above 1 point", "unit": "points"}
            row |= {"estimate": 0.0123, "low": 0.0101, "high": 0.0145, "p": 0.001, "p_holm": 0.02}
            row |= {"seeds": 3, "family": 9, "verdict": next(words)}
        if "printed" in claim:
            row |= {"printed_hypothesis": "x − y: above 0 points", "printed_value": 0.0007}
            row |= {"printed_unit": "points", "printed_verdict": verdicts.CONTRADICTED}
        table.append(row)
    return table


def statistics_rows() -> list[dict]:
    found = {"level": 0.948, "difference": 0.953, "family_much": 0.02}
    found |= {"test_accuracy": 0.035, "single_runs": 0.74}
    return [
        {
            "check": check,
            "title": f"The check {check}",
            "claimed": 0.95 if share > 0.9 else 0.05,
            "repetitions": 200,
            "found": share,
            "low": share - 0.01,
            "high": share + 0.01,
            "kind": "coverage" if share > 0.9 else "false call",
        }
        for check, share in found.items()
    ]


def figure_names(study) -> list[str]:
    return [
        *("data", "models", "epochs", "depth", "weights"),
        *(f"curves_{name}" for name in study.models),
        *(f"sweep_{name}{end}" for name in study.sweeps for end in ("", "_curves")),
        *(f"compare_{name}" for name in study.comparisons),
        *("classes", "calibration", "agreement", "hardest", "duplicates"),
        *(
            f"{kind}_{model.name}"
            for model in study.closer.models
            for kind in ("confusion", "mistakes", "calibration")
        ),
        *(f"weights_{model.name}" for model in study.closer.models if not model.spec.hidden),
        "workflow",
        "bn_network",
        *(f"bn_{name}" for name in study.batchnorm.settings),
        *(("bn_shift-landscape",) if "shift" in study.batchnorm.settings else ()),
    ]


def summary() -> dict:
    pixels = {"minimum": 0.0, "maximum": 1.0, "mean": 0.286, "standard_deviation": 0.353}
    return {
        "classes": ["T-shirt/top", *(f"Class {i}" for i in range(1, 10))],
        "files": {"train-images-idx3-ubyte": {"size": 47040016, "sha256": "c59f" * 16}},
        "train": {"samples": 60000, "class_counts": [6000] * 10, "pixels": pixels},
        "test": {"samples": 10000, "class_counts": [1000] * 10, "pixels": pixels},
        "validation": {
            "share": 0.2,
            "first": 48000,
            "samples": 12000,
            "class_counts": [1202, 1198, *[1200] * 8],
        },
    }


def parameters(study) -> dict:
    """What the workflow gives: the whole study in plain built-in types."""
    return {
        "title": study.title,
        "models": [model.as_dict() for model in study.models.values()],
        "sections": dict(studies.SECTIONS),
        "sweeps": [
            {
                "name": sweep.name,
                "title": sweep.title,
                "section": sweep.section,
                "vary": sweep.vary,
                "base": sweep.base,
                "values": list(sweep.values),
            }
            for sweep in study.sweeps.values()
        ],
        "comparisons": [
            {
                "name": comparison.name,
                "title": comparison.title,
                "section": comparison.section,
                "models": [model.name for model in comparison.models],
                "against": comparison.against,
            }
            for comparison in study.comparisons.values()
        ],
        "epochs": {"base": study.epochs.base, "at": list(study.epochs.at)},
        "depth": [model.name for model in study.depth],
        "weights": [model.name for model in study.weights],
        "closer": {
            "models": [model.name for model in study.closer.models],
            "leave_out": [model.name for model in study.closer.leave_out],
            "correlation": study.closer.correlation,
        },
        "batchnorm": {
            "seeds": list(study.batchnorm.seeds),
            "recorded": EXPECTED["recorded"],
            "set_aside": {
                name: claim.get("set_aside", {}) for name, claim in EXPECTED["claims"].items()
            },
            "experiments": {
                name: {
                    "title": experiment.title,
                    "question": experiment.question,
                    "run": name in study.batchnorm.settings,
                    "settings": study.batchnorm.settings.get(name),
                    "arms": {
                        arm: model.name for arm, model in study.batchnorm.arms.get(name, {}).items()
                    },
                }
                for name, experiment in EXPERIMENTS.items()
            },
        },
        "versions": {"python": "3.12.0", "tensorflow": "2.21.0"},
        "directory": "results",
        "report": "report/final.html",
        "code": "c0de" * 4,
    }


VOID = ("meta", "link", "br", "img", "input", "hr", "mspace")


class Page(html.parser.HTMLParser):
    """Elements of a page in order, its text, and what every table and figure holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.elements: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.mistakes: list[str] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[list]] = {"table": [], "figure": []}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag in self.inside:
            self.inside[tag].append([])
        for outer in self.inside:
            if outer in self.open:
                self.inside[outer][-1].append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.mistakes.append(f"</{tag}> closes something else")

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def rendered(directory: Path, config: dict) -> Page:
    context = report.load_context(**fabricate(directory, config))
    return Page(report.render(TEMPLATES, context))


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    return rendered(tmp_path_factory.mktemp("study"), configured())


# ------------------------------------------------------------------------------------ the page
def test_the_page_asks_nothing_of_the_outside_and_runs_nothing(page):
    for tag in ("iframe", "object", "embed", "img", "base", "form"):
        assert not page.all(tag), tag
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert "@import" not in page.source
    assert not re.search(r"url\((?!#|\"data:)", page.source)
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert not attributes.get("src")
    for link in page.all("a"):
        assert link["href"].startswith(("#", "https://arxiv.org/abs/", "data:application/gzip"))


def own_scripts(page) -> list[str]:
    """The page's scripts, all of which its security policy allows by their hashes."""
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    allowed = re.findall(r"'sha256-([^']+)'", re.search("script-src ([^;]*)", policy)[1])
    scripts = re.findall(r"<script>(.*?)</script>", page.source, re.S)
    assert len(scripts) == page.source.lower().count("<script")
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts]
    assert hashes == allowed
    return scripts


def test_nothing_runs_but_the_pages_own_scripts(page):
    policy = next(m["content"] for m in page.all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy
    assert len(own_scripts(page)) == 3


@pytest.mark.parametrize(
    ("written", "carried"),
    [
        ("// why\nconst f = (x) => x + 1; // how\n\n  f(2);\n", "const f=x=>x+1;\nf(2);"),
        ("a /* b's */ = b\nc()\n", "a=b\nc()"),
        ('say("a // b  =  c", `d ( e`);', 'say("a // b  =  c",`d ( e`);'),
        (r"x.replace(/[^\"/ ]+ '/g, 'y  z') / 2 / z", r"x.replace(/[^\"/ ]+ '/g,'y  z')/2/z"),
        ("a++ + b - -c + d", "a++ +b - -c+d"),
        ("for (const x of y) async (z) => z;", "for(const x of y)async(z)=>z;"),
    ],
)
def test_a_script_loses_what_nobody_reads_and_means_the_same(tmp_path, written, carried):
    (tmp_path / "script.js").write_text(written, encoding="utf-8")
    assert report.script_text(tmp_path, "script.js") == carried


def test_the_page_is_well_formed_and_its_links_lead_somewhere(page):
    assert not page.mistakes
    assert len(page.ids) == len(set(page.ids))
    for _, attributes in page.elements:
        if attributes.get("href", "").startswith("#"):
            assert attributes["href"][1:] in page.ids
        for key in ("aria-labelledby", "aria-describedby"):
            assert set(attributes.get(key, "").split()) <= set(page.ids)


def test_headings_step_down_one_level_at_a_time(page):
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_the_page_has_a_language_landmarks_and_a_skip_link(page):
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("main")) == len(page.all("nav")) == len(page.all("header")) == 1
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}


def test_every_figure_stands_in_the_page_once_with_title_and_caption(page):
    study, _ = studies.build(configured())
    for name in figure_names(study):
        assert page.ids.count(f"fig-{name}") == 1, name
    for figure_ in page.inside["figure"]:
        tags = [tag for tag, _ in figure_]
        assert tags.count("svg") == tags.count("figcaption") == 1
        [picture] = [attributes for _, attributes in figure_ if attributes.get("role") == "img"]
        assert picture["aria-label"]


def test_every_table_has_a_caption_and_scopes(page):
    assert len(page.inside["table"]) > 10
    for table in page.inside["table"]:
        tags = [tag for tag, _ in table]
        assert tags.count("caption") == 1
        assert {"thead", "tbody"} <= set(tags)
        assert all(
            attributes.get("scope") in ("col", "row") for tag, attributes in table if tag == "th"
        )
        if tags.count("tr") > 1:  # else a script fills it
            assert "row" in {attributes.get("scope") for tag, attributes in table if tag == "th"}


def test_figures_tables_and_sections_are_numbered_in_order(page):
    for kind in ("Figure", "Table"):
        numbers = re.findall(rf"<b>{kind} (\d+)\.", page.source)
        assert numbers == [str(i + 1) for i in range(len(numbers))]
    assert "Figure 0" not in page.source
    assert "section 0" not in page.source


def test_nothing_is_left_unfilled(page):
    assert not re.search(r"\b(nan|None|Undefined|inf)\b|\{\{|\{%|\}\}", page.text)
    assert "\\" not in page.text  # LaTeX that was not converted


def test_sentences_are_apart(page):
    assert not re.findall(r"[a-z%)][.;:][A-Z][a-z]+ ", page.text)
    assert not re.findall(r" [.,;:](?: |$)", page.text)


def test_formulas_are_mathml(page):
    assert len(page.all("math")) > 15


def test_every_published_number_is_listed_under_each_reading(page):
    text = page.source[page.source.index('id="tab-ledger"') :].split("</table>")[0]
    assert text.count("<tr") == 1 + 35 + 8
    assert text.count('<tr id="number-') == 35


def test_works_referred_to_are_listed_and_all_of_them_are_referred_to(page):
    listed = {name for name in page.ids if name.startswith("ref-")}
    cited = {link["href"][1:] for link in page.all("a") if link["href"].startswith("#ref-")}
    assert cited == listed


def test_two_renderings_have_the_same_bytes(tmp_path, page):
    assert rendered(tmp_path, configured()).source == page.source


# --------------------------------------------------------------------- results into sentences
def test_a_changed_result_changes_the_sentence(tmp_path):
    arguments = fabricate(tmp_path, configured())
    before = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    path = tmp_path / "tables/epochs.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert "from 79.5 % to 84.0 %" in before.text.replace("\u202f", " ")
    assert "stop before training is done" in before.text
    rows[-1]["test_accuracy"] = "0.7961"
    write_csv(path, rows)
    after = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    assert "from 79.5 % to 79.6 %" in after.text.replace("\u202f", " ")
    assert "stop before training is done" not in after.text
    assert "200 full-batch steps are nearly enough" in after.text


def test_the_published_gaps_are_computed(page):
    assert "2.10 points without penalty, 2.03 with “L1” and 2.17 with L2" in page.text


def changed(arguments: dict, table: str, change) -> Page:
    """Render the page after `change` was applied to every row of a table."""
    [path] = [path for path in arguments["tables"] if path.stem == table]
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    write_csv(path, [row | (change(row) or {}) for row in rows])
    return Page(report.render(TEMPLATES, report.load_context(**arguments)))


def test_what_is_said_of_two_models_is_the_verdict_of_their_comparison(tmp_path, page):
    plain = page.text.replace("\u202f", " ")
    wanted = "Test accuracy: 80.0 % for Softmax, 80.5 % for A: 300 ReLU; difference +0.50 points, "
    assert f"{wanted}95 % interval +0.10 to +0.90: ▲ better." in plain

    def blur(row):
        if (row["first"], row["second"]) == ("softmax", "A"):
            return {"verdict": "not resolved", "difference": "0.003", "p_holm": "0.4"}
        return None

    other = changed(fabricate(tmp_path, configured()), "comparisons", blur)
    text = other.text.replace("\u202f", " ")
    assert "difference +0.30 points, 95 % interval +0.10 to +0.90: ? not resolved" in text
    assert "(smallest difference that would be: 0.51 points)" in text
    assert "A: 300 ReLU is better than Softmax" in page.text
    assert "A: 300 ReLU is better than Softmax" not in other.text


def test_of_a_pair_that_nobody_planned_nothing_is_said(tmp_path):
    config = configured()
    del config["comparisons"]["depth"]
    page = rendered(tmp_path, config)
    assert "A: 300 ReLU against Softmax is no planned comparison" in page.text
    assert not page.mistakes


def test_verdicts_are_counted_and_change_with_the_ledger(tmp_path):
    arguments = fabricate(tmp_path, configured())

    def judge(row):
        met = row["protocol"] == "alternative" or row["id"] == "a1-train-acc"
        return {"verdict": "reproduced" if met else "not reproduced"}

    page = changed(arguments, "ledger", judge)
    assert "1 of 3534 not reproduced" in page.text
    assert "under an alternative reading 8 of 8" in page.text
    assert "Part A: 1 of 20 published numbers are reproduced; Part B: 0 of 15." in page.text
    assert "Of the 35 numbers that the source prints, 1 are reproduced" in page.text
    assert "a tenth of the printed strength" in page.text
    assert "chosen because it fits the printed numbers" in page.text


def test_claims_that_do_not_hold_are_named_in_the_summary(tmp_path, page):
    arguments = fabricate(tmp_path, configured())

    def contradict(row):
        bad = row["claim"] == "longer-accuracy"
        return {"verdict": "contradicted" if bad else "supported"} if row["estimate"] else None

    other = changed(arguments, "claims", contradict)
    says = "Longer training raises the test accuracy of softmax by less than 5 %."
    summary_ = other.source[other.source.index('id="sec-doubtful"') :].split("</section>")[0]
    assert "Contradicted by our runs: 1" in summary_
    assert f'<a href="#claim-longer-accuracy">{says.replace("<", "&lt;")}</a>' in summary_
    assert "Measured: +1.23 points (+1.01 to +1.45); claimed: above 1 point." in summary_
    assert "Not resolved by our runs" not in summary_
    assert "Not resolved by our runs" in page.source
    every = yaml.safe_load((ROOT / "config/claims.yaml").read_text(encoding="utf-8"))["claims"]
    for name in every:
        assert f"claim-{name}" in page.ids


def test_a_claim_that_names_an_unknown_reference_is_refused(tmp_path):
    arguments = fabricate(tmp_path, configured())

    def cite(row):
        return {"literature": "iofe2015"} if row["claim"] == "bn-shift" else None

    with pytest.raises(StudyError, match=r'claims.yaml: claims.bn-shift.*Did you mean "ioffe2015"'):
        changed(arguments, "claims", cite)


def test_a_report_without_one_of_the_published_numbers_is_refused(tmp_path):
    arguments = fabricate(tmp_path, configured())
    path = tmp_path / "tables/ledger.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    write_csv(path, [row for row in rows if row["id"] != "a2-test-loss"])
    with pytest.raises(StudyError, match='a2-test-loss of "mlp-300"'):
        report.load_context(**arguments)


def test_how_well_the_statistics_keep_their_promise_is_told(tmp_path, page):
    text = page.text.replace("\u202f", " ")
    assert "hold it in 94.8 % to 95.3 % of cases" in text
    assert "called better or worse in 3.5 % to 3.5 % of comparisons" in text
    assert "any false call at all occurs in 2.0 % to 2.0 %." in text
    assert "McNemar's test of two single runs, the usual way, calls 74.0 % of them" in text
    worse = changed(fabricate(tmp_path, configured()), "statistics", lambda row: {"found": "0.5"})
    assert "hold it in 50.0 % to 50.0 % of cases" in worse.text.replace("\u202f", " ")


def test_a_verdict_is_never_told_by_colour_alone(page):
    for word in ("supported", "contradicted", "not resolved", "reproduced", "better"):
        assert re.search(
            rf'class="verdict \w+"><span aria-hidden="true">.</span> {word}<', page.source
        )


def test_one_seed_is_said_to_be_too_few(tmp_path):
    config = configured()
    config["seeds"] = [1]
    page = rendered(tmp_path, config)
    assert "? not resolved (too few seeds)" in page.text
    assert "▲" not in page.text
    assert not re.search(r"\b1 seeds\b", page.text)


def test_a_smaller_study_says_that_it_cannot_be_compared(tmp_path, page):
    config = configured()
    config["data"] |= {"train_samples": 6000, "test_samples": 2000}
    assert "not comparable with the published ones" not in page.text
    assert "not comparable with the published ones" in rendered(tmp_path, config).text


@pytest.mark.parametrize("data", [{"train_samples": 6000}, {"test_samples": 2000}])
def test_a_subset_of_either_part_is_no_evidence_on_where_numbers_come_from(tmp_path, page, data):
    config = configured()
    config["data"] |= data
    small = rendered(tmp_path, config)
    assert "consistent with another data set" in page.text
    assert "consistent with another data set" not in small.text
    assert "not comparable with the published ones" in small.text
    for text in (page.text, small.text):
        assert "no citable reference can be given here" in text
        assert "a hint and not evidence" in text


def test_the_validation_part_is_described_where_it_is_the_studys(tmp_path, page):
    column, counts = "of these in the validation part", "1,198 to 1,202 images a class"
    assert column in page.text
    assert f"nearly but not exactly balanced: {counts}" in page.text
    for key, change in (("data", {"train_samples": 6000}), ("defaults", {"validation_split": 0.1})):
        config = configured()
        (config["data"] if key == "data" else config["defaults"]["keras"]).update(change)
        other = rendered(tmp_path / key, config)
        assert column not in other.text
        assert counts not in other.text
        assert "its validation part from the end of the images used" in other.text


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([1200] * 10, "is balanced, with 1,200 images"),
        ([600, *[1200] * 9], "is not balanced: 600 to 1,200"),
    ],
)
def test_what_is_said_of_balance_follows_from_the_counts(tmp_path, counts, said):
    arguments = fabricate(tmp_path, configured())
    data = summary()
    data["validation"]["class_counts"] = counts
    write_json(arguments["summary"], data)
    assert said in Page(report.render(TEMPLATES, report.load_context(**arguments))).text


def test_the_software_of_the_trainings_is_counted(tmp_path):
    arguments = fabricate(tmp_path, configured())
    path = tmp_path / "tables/runs.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    rows[0]["tensorflow"] = "2.19.1"
    write_csv(path, rows)
    page = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    table = page.source[page.source.index('id="tab-training-software"') :].split("</table>")[0]
    assert table.count("<tr>") == 1 + 3
    assert table.count("2.19.1") == 1


def test_the_seeds_of_the_longer_training_are_counted(tmp_path, page):
    config = configured()
    arguments = fabricate(tmp_path, config)
    path = tmp_path / "tables/epochs.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    write_csv(path, [row | {"seeds": "2"} for row in rows])
    other = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    assert "One training, read off on its way." in page.text
    assert "2 trainings, one a seed, read off on their way." in other.text


def test_whether_three_engines_have_one_gradient_follows_from_the_table(tmp_path, page):
    arguments = fabricate(tmp_path, configured())
    path = tmp_path / "tables/engines.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert "are equal in three engines to 1e−5 of a tensor's largest gradient" in page.text
    assert "of 3 comparisons with NumPy in double precision" in page.text
    assert "deviates by 3.0e−7 (300 ReLU, L2, lowlevel; Table" in page.text
    assert "are not equal in three engines" not in page.text
    rows[0] |= {"gradient": "0.0018", "kept": "no"}
    rows[1] |= {"gradient": "", "kept": "no"}
    write_csv(path, rows)
    text = Page(report.render(TEMPLATES, report.load_context(**arguments))).text
    assert "are not equal in three engines: 2 of 3 comparisons" in text
    assert "(Softmax, lowlevel: 1.8e−3; Softmax, keras: not a finite number; Table" in text
    assert "are equal in three engines" not in text


def test_a_course_is_told_with_what_is_left_of_it_when_the_rounding_is_shared(page):
    table = page.source[page.source.index('id="tab-engines"') :].split("</table>")[0]
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", table.split("<tbody>")[1], re.DOTALL)
    texts = [" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in cells]
    assert texts[16:] == [
        *("300 ReLU, L2", "lowlevel", "998 2 left out", "3.0e−7", "yes"),
        *("3.4e−6 1.2e−7", "2.8e−3 6.3e−5", "2.8e−4 1.9e−5"),
    ]


def test_the_direction_of_a_strong_penalty_follows_from_the_norms(tmp_path):
    arguments = fabricate(tmp_path, configured())
    path = tmp_path / "tables/sweep_l1.csv"
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    for norm, wrong in (("1.5", True), ("99.0", False)):
        rows[-1] |= {"test_accuracy": "0.1", "weight_norm": norm}
        write_csv(path, rows)
        text = Page(report.render(TEMPLATES, report.load_context(**arguments))).text
        assert f"the norm of the weights is {norm}0 there, and 27.50 at the smallest" in text
        assert ("has the direction wrong" in text) == wrong


def test_equal_epochs_are_said_only_where_they_are_so(tmp_path, page):
    assert "All 3 models were stopped after 200 epochs." in page.text
    config = configured()
    config["models"]["B"]["epochs"] = 300
    other = rendered(tmp_path, config)
    assert "were stopped after 200 epochs." not in other.text


def test_a_model_may_redo_several_of_the_sources(tmp_path):
    config = configured()
    redone = config["published"]["models"]
    for name, model in (
        ("mlp-300-100", "A"),
        ("keras-3 (2 ReLU layers)", "keras-2"),
        ("keras-5 + dropout 0.3", "keras-4r"),
        ("softmax", "A"),
    ):
        redone[name]["redone_by"] = [model]
    page = rendered(tmp_path, config)
    for name in ("A", "keras-2", "keras-4r"):
        assert page.ids.count(f"fig-curves_{name}") == 1
    assert not page.mistakes


def test_a_model_that_diverged_is_shown_and_breaks_nothing(tmp_path):
    arguments = fabricate(tmp_path, configured())
    for name in ("part_b", "ledger"):
        path = tmp_path / f"tables/{name}.csv"
        rows = list(csv.DictReader(path.open(encoding="utf-8")))
        for row in rows:
            if row["model"] == "keras-5":
                lost = [k for k in row if k.startswith((*METRICS, "reproduced", "difference"))]
                row |= dict.fromkeys(lost, "") | {"seeds": "0" if name == "ledger" else "4"}
                row |= {"diverged": "4"} if name == "part_b" else {}
        write_csv(path, rows)
    gone = dict.fromkeys(("difference", "low", "high", "p", "p_holm", "resolution"), "")

    def lose(row):
        side = {"keras-5": "first_value"}.get(row["first"], "second_value")
        if "keras-5" in (row["first"], row["second"]):
            return gone | {side: "", "verdict": verdicts.NO_VALUE}
        return None

    page = changed(arguments, "comparisons", lose)
    assert "no value to compare for Keras 4: 600-400-200 and Keras 5" in page.text
    results = page.source[page.source.index('id="tab-models"') :].split("</table>")[0]
    lost = next(row for row in results.split("<tr>") if "Keras 5: 800" in row)
    assert lost.count("diverged") == 8  # every metric of the table
    softmax = next(row for row in results.split("<tr>") if ">Softmax" in row)
    assert softmax.count(formats.MISSING) == 2  # no validation part
    assert not re.search(r"\b(nan|None)\b", page.text)


# ------------------------------------------------------------------------------ looking closer
def test_the_closer_look_follows_its_tables(tmp_path):
    arguments = fabricate(tmp_path, configured())

    def text() -> str:
        page = Page(report.render(TEMPLATES, report.load_context(**arguments)))
        start = page.text.index("Looking closer An accuracy says")
        end = page.text.index("The source, checked", start)
        return page.text[start:end].replace("\u202f", " ")

    before = text()
    assert "is T-shirt/top in all 4 models: 81.0 % in Softmax" in before
    assert "12 are surer than right on the whole, 3 less sure than right" in before
    assert "for 1 the 95 % interval of the difference holds 0" in before
    assert "Leaving the near-duplicates out changes the test accuracies by −0.20 to" in before
    assert "16 of 16 models have a higher accuracy" in before
    assert "a label “Shirt” that most trainings take for “Coat”: 2 of 2" in before
    for name, change in (
        ("classes_B", {"f1": "0.95"}),
        ("duplicates", {"only": "0.85"}),
        ("calibration", {"gap": "0", "gap_low": "-0.01", "gap_high": "0.01"}),
    ):
        path = tmp_path / f"tables/{name}.csv"
        rows = list(csv.DictReader(path.open(encoding="utf-8")))
        rows[0] |= change
        write_csv(path, rows)
    after = text()
    assert "differs between models" in after
    assert "15 of 16 models have a higher accuracy" in after
    assert "12 are surer than right on the whole, 2 less sure than right" in after


def test_a_closer_look_without_any_finished_training_breaks_nothing(tmp_path):
    arguments = fabricate(tmp_path, configured())
    kept = ("model", "title", "engine", "run", "seeds", "class", "label", "support")
    for path in (tmp_path / "tables").glob("*.csv"):
        if path.stem in ("agreement", "hardest"):
            path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n")
        elif path.stem in ("calibration", "duplicates") or path.stem.startswith("classes_"):
            rows = list(csv.DictReader(path.open(encoding="utf-8")))
            for row in rows:
                lost = [key for key in row if key not in kept and "images" not in key]
                row |= dict.fromkeys(lost, "") | {"diverged": row["seeds"]}
            write_csv(path, rows)
    page = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    assert "4 of 4 diverged" in page.text
    assert "The class with the lowest F1" not in page.text
    assert not re.search(r"\b(nan|None)\b", page.text)


def test_a_model_without_hidden_layers_is_pictured_only_if_it_is_looked_at(tmp_path, page):
    assert "sec-templates" in page.ids
    config = configured()
    config["closer"]["models"] = ["A"]
    other = rendered(tmp_path, config)
    assert "sec-templates" not in other.ids
    assert "fig-confusion_A" in other.ids


# -------------------------------------------------------------------------- batch normalization
def part_c(page: Page, start: str, end: str = "</section>") -> Page:
    """What the page holds from one anchor of Part C to another text."""
    place = page.source.index(f'id="{start}"')
    first = page.source.rindex("<", 0, place)
    return Page(page.source[first : page.source.index(end, place)])


def test_the_headline_on_batch_normalization_counts_the_verdicts(tmp_path, page):
    with open(ROOT / "config/batchnorm.yaml", encoding="utf-8") as file:
        assert len(yaml.safe_load(file)["claims"]) == 18
    arguments = fabricate(tmp_path, configured())
    words = ["supported"] * 7 + ["contradicted"] * 5 + ["supported in part"] * 3
    words += ["not resolved", "not tested", "literature only"]
    given = iter(words)
    other = changed(arguments, "bn_claims", lambda row: {"verdict": next(given)})
    assert (
        "Of 18 things that are said of batch normalization, our experiments support 7, "
        "contradict 5 and support 3 in part; 1 not resolved, 1 not tested here, 1 known from the "
        "literature only"
    ) in other.text
    assert "our experiments support 7," not in page.text
    every = changed(arguments, "bn_claims", lambda row: {"verdict": "supported"})
    assert "support 18, contradict 0 and support 0 in part (Table" in every.text


def test_every_claim_on_batch_normalization_leads_to_its_hypotheses(page):
    table = page.source[page.source.index('id="tab-bn-claims"') :].split("</table>")[0]
    for name, claim in EXPECTED["claims"].items():
        assert f'id="said-{name}"' in table
        row = table[table.index(f'id="said-{name}"') :].split("</tr>")[0]
        mine = [key for key, it in EXPECTED["predictions"].items() if it.get("claim") == name]
        aside = claim.get("set_aside", {})
        voting = [key for key in mine if key not in aside]
        assert re.findall(r'href="#prediction-([^"]+)"', row) == [*voting, *aside]
        assert all(reason in html.unescape(row) for reason in aside.values())
        assert re.findall(r'href="#ref-([^"]+)"', row) == claim["literature"]
    for name in EXPECTED["predictions"]:
        assert page.ids.count(f"prediction-{name}") == 1


def test_claims_of_the_source_that_part_c_tests_lead_there(tmp_path):
    arguments = fabricate(tmp_path, configured())
    page = changed(arguments, "bn_claims", lambda row: {"verdict": "supported in part"})
    row = page.source[page.source.index('<tr id="claim-bn-learning-rate"') :].split("</tr>")[0]
    assert 'href="#said-C4"' in row
    assert "C4 is supported in part." in Page(row).text
    assert "3 of these by experiments in" in page.text


def test_predictions_that_failed_are_counted_and_listed(tmp_path):
    arguments = fabricate(tmp_path, configured())
    failed = {"rate-range-relu": "contradicted", "drift-relu": "not resolved"}

    def fail(row):
        if row["outcome"] == "open":
            return None
        lost = failed.get(row["prediction"])
        return {"verdict": lost or row["expect"]} | {
            "outcome": "not as expected" if lost else "as expected"
        }

    page = changed(arguments, "bn_predictions", fail)
    told = sum(1 for it in EXPECTED["predictions"].values()
               if it["experiment"] not in ("placement-keras", "dropout")
               and not it.get("seen"))  # fmt: skip
    assert f"it came out otherwise in 2 of {told} predictions" in page.text
    listed = part_c(page, "sec-bn-predictions", "</ul>")
    assert f"{told - 2} of {told} came out as expected. These 2 did not:" in listed.text
    assert [link["href"] for link in listed.all("a")] == [
        *("#prediction-rate-range-relu", "#prediction-drift-relu"),
    ]
    assert (
        "With it, the ReLU net's range of usable SGD rates is wider. Expected: supported. It is "
        "contradicted: +0.01 decades."
    ) in listed.text
    row = page.source[page.source.index('<tr id="prediction-drift-relu"') :].split("</tr>")[0]
    assert "not as expected" in row
    failed.clear()
    page = changed(arguments, "bn_predictions", fail)
    assert f"{told} of {told} came out as expected. None did not." in page.text
    assert f"it came out otherwise in 0 of {told} predictions" in page.text


def test_predictions_whose_runs_had_been_seen_say_so(page):
    seen = re.findall(
        r'<tr id="prediction-([^"]+)"[^>]*>(?:(?!</tr>).)*had been seen', page.source, re.S
    )
    assert seen == [name for name, it in EXPECTED["predictions"].items() if it.get("seen")]
    assert f"commit {EXPECTED['recorded']['commit']}, {EXPECTED['recorded']['date']}" in page.text


def test_an_experiment_that_is_not_run_says_so_and_how_to_run_it(tmp_path, page):
    command = "snakemake --cores 2 report/full.html --configfile config/full.yaml"
    text = part_c(page, "sec-bn-dropout", '<h3 id="sec-bn-eq').text
    assert f"This study does not run the experiment; {command} does. 2 predictions wait" in text
    assert "Dropout in front of it lowers the test loss" in text
    assert "(expected: supported)" in text
    config = configured()
    for name in ("depth", "gamma-beta"):
        del config["batchnorm"]["experiments"][name]
    other = rendered(tmp_path, config)
    for name in ("depth", "gamma-beta"):
        assert "does not run the experiment" not in part_c(page, f"sec-bn-{name}", "<h3").text
        assert "does not run the experiment" in part_c(other, f"sec-bn-{name}", "<h3").text
        assert f"fig-bn_{name}" not in other.ids
    assert not other.mistakes
    assert "in 9 experiments" in other.text


def test_a_page_without_any_experiment_is_rendered(tmp_path):
    config = configured()
    config["batchnorm"]["experiments"] = {}
    page = rendered(tmp_path, config)
    assert page.text.count("does not run the experiment") == len(EXPERIMENTS)
    assert "our experiments support 0, contradict 0" in page.text
    assert "came out otherwise" not in page.text
    assert not page.mistakes


def test_of_one_seed_no_prediction_is_told_to_have_come_true(tmp_path):
    config = configured()
    config["batchnorm"]["seeds"] = [1]
    page = rendered(tmp_path, config)
    assert "With one seed there is no verdict, and so no outcome." in page.text
    assert "came out as expected" not in page.text
    assert "✓" not in part_c(page, "tab-bn-predictions-shift", "</table>").text
    assert not re.search(r"\b1 seeds\b", page.text)


def test_texts_on_batch_normalization_are_escaped(tmp_path):
    arguments = fabricate(tmp_path, configured())
    for name in ("bn_predictions", "bn_claims"):
        [path] = [path for path in arguments["tables"] if path.stem == name]
        rows = list(csv.DictReader(path.open(encoding="utf-8")))
        texts = ("says", "hypothesis", "reason", "literature_says")
        write_csv(path, [row | {key: HOSTILE for key in texts if key in row} for row in rows])
    page = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    own_scripts(page)
    assert not page.mistakes
    assert page.text.count(HOSTILE) > 2 * len(EXPECTED["claims"])


def test_a_quantity_without_a_value_breaks_nothing(tmp_path, page):
    arguments = fabricate(tmp_path, configured())
    for path in arguments["tables"]:
        if path.stem.startswith("bn_") and path.stem.endswith("_quantities"):
            rows = list(csv.DictReader(path.open(encoding="utf-8")))
            lost = dict.fromkeys(("mean", "low", "high", "smallest", "largest"), "")
            write_csv(path, [row | lost | {"seeds": "0"} for row in rows])
    other = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    assert "no value with everything trained" in other.text
    assert "no value" not in page.text
    assert not re.search(r"\b(nan|None|inf)\b", other.text)
    assert not other.mistakes


def test_a_claim_on_batch_normalization_with_an_unknown_reference_is_refused(tmp_path):
    arguments = fabricate(tmp_path, configured())

    def cite(row):
        return {"literature": "ioffe2015 wo2018"} if row["claim"] == "C14" else None

    with pytest.raises(StudyError, match=r'batchnorm.yaml: claims.C14.*Did you mean "wu2018"'):
        changed(arguments, "bn_claims", cite)


# ------------------------------------------------------------------------- what people configure
def test_what_people_write_is_escaped(tmp_path):
    config = configured()
    config["title"] = HOSTILE
    config["models"]["A"]["title"] = HOSTILE
    config["sweeps"]["width"]["title"] = HOSTILE
    config["comparisons"]["bn-keras"]["title"] = HOSTILE
    page = rendered(tmp_path, config)
    own_scripts(page)
    assert not page.mistakes
    assert page.text.count(HOSTILE) > 5


def test_added_models_sweeps_and_comparisons_appear(tmp_path):
    config = configured()
    config["models"]["mine"] = {"title": "Mine", "engine": "lowlevel", "hidden": [50]}
    config["models"]["other"] = {"title": "Other", "engine": "keras", "hidden": [50]}
    config["sweeps"]["rates"] = {
        "title": "Rates",
        "model": "other",
        "vary": "learning_rate",
        "values": [0.001, 0.01],
    }
    config["comparisons"]["ours"] = {"title": "Ours", "models": ["A", "mine"]}
    page = rendered(tmp_path, config)
    for name in ("curves_mine", "curves_other", "sweep_rates", "compare_ours"):
        assert page.ids.count(f"fig-{name}") == 1
    assert "part_a-further-models" in page.source
    assert not page.mistakes


def test_a_study_without_the_sources_models_is_rendered(tmp_path):
    config = configured()
    config["models"] = {
        "mine": {"title": "Mine", "engine": "lowlevel", "hidden": [10]},
        "other": {"title": "Other", "engine": "keras", "hidden": []},
    }
    config["epochs"] = {"model": "mine", "at": [10, 20]}
    config["depth"] = {"models": ["mine"]}
    config["weights"] = {"models": ["mine"]}
    config["closer"] |= {"models": ["mine"], "leave_out": []}
    config["sweeps"], config["comparisons"] = {}, {}
    config["batchnorm"]["experiments"]["curves"] = {"arms": {"a/bn": "mine", "a/plain": "other"}}
    config["replicates"] = {"models": ["mine"], "seeds": [1, 2]}
    config["published"]["models"] = {
        name: {"redone_by": [], "numbers": []} for name in config["published"]["models"]
    }
    page = rendered(tmp_path, config)
    assert page.ids.count("fig-curves_mine") == 1
    assert not page.mistakes
    assert "{{" not in page.text


def test_models_may_be_renamed(tmp_path):
    config = configured()
    text = yaml.safe_dump(config, sort_keys=False)
    config = yaml.safe_load(re.sub(r"\bA\b(?=[,\]:\n])", "one-hidden", text))
    page = rendered(tmp_path, config)
    assert "fig-curves_one-hidden" in page.ids
    section = page.source.index('id="sec-one-layer"')
    assert page.source.index('id="fig-curves_one-hidden"') > section


# ------------------------------------------------------------------------------------ mistakes
@pytest.mark.parametrize(
    "name", ["figures/curves_A.svg", "tables/epochs.csv", "figures/models.svg"]
)
def test_a_missing_input_is_named(tmp_path, name):
    arguments = fabricate(tmp_path, configured())
    kind = name.split("/")[0]
    arguments[kind] = [path for path in arguments[kind] if path != tmp_path / name]
    with pytest.raises(StudyError, match=Path(name).name.replace(".", r"\.")):
        report.render(TEMPLATES, report.load_context(**arguments))


def test_a_file_that_is_not_there_is_named(tmp_path):
    arguments = fabricate(tmp_path, configured())
    (tmp_path / "figures/data.svg").unlink()
    with pytest.raises(StudyError, match=r"data\.svg"):
        report.load_context(**arguments)


def test_a_figure_without_its_values_is_named(tmp_path):
    arguments = fabricate(tmp_path, configured())
    (tmp_path / "figures/data.csv").unlink()
    with pytest.raises(StudyError, match=r"figures/data\.svg: the values that the figure shows"):
        report.load_context(**arguments)


def test_a_model_without_results_is_named(tmp_path):
    arguments = fabricate(tmp_path, configured())
    arguments["study"] = copy.deepcopy(arguments["study"])
    arguments["study"]["models"][0]["name"] = "forgotten"
    with pytest.raises(StudyError, match="forgotten"):
        report.load_context(**arguments)


# ------------------------------------------------------------------------------------- numbers
@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (report.percent, 0.867, "86.7\u202f%"),
        (report.percent, 0.1, "10.0\u202f%"),
        (report.percent, None, "–"),
        (report.loss, 0.3839, "0.384"),
        (report.signed, 0.354, "+0.35"),
        (report.signed, -0.354, "−0.35"),
        (report.signed, 0.001, "0.00"),
        (report.signed, -0.001, "0.00"),
        (report.points, 0.021, "+2.10"),
        (report.points, -0.0102, "−1.02"),
        (report.count, 60000, "60,000"),
        (report.number, 0.001, "0.001"),
        (report.number, 1e-5, "1e−5"),
        (report.number, 1.0, "1"),
        (report.number, 300, "300"),
        (report.number, -1, "−1"),
        (report.scientific, 3.07e-7, "3.1e−7"),
        (report.scientific, 9.96e-6, "1.0e−5"),
        (report.scientific, -0.25, "−2.5e−1"),
        (report.scientific, 1234.5, "1.2e3"),
        (report.scientific, 0.0, "0.0e0"),
        (report.scientific, None, "–"),
        (report.significant, 0.04512, "0.0451"),
        (report.significant, 1.2149, "1.21"),
        (report.significant, 123.46, "123"),
        (report.significant, 9999.4, "9,999"),
        (report.significant, 12345.6, "1.23e4"),
        (report.significant, 0.001, "0.00100"),
        (report.significant, 4.249e-7, "4.25e−7"),
        (report.significant, -0.04512, "−0.0451"),
        (report.significant, -4.249e-7, "−4.25e−7"),
        (report.significant, 0.09996, "0.100"),
        (report.significant, 9.996, "10.0"),
        (report.significant, 0, "0.00"),
        (report.significant, None, "–"),
        (report.seconds, 9.43, "9.4\u202fs"),
        (report.seconds, 59.97, "1\u202fmin 00\u202fs"),
        (report.seconds, 65.2, "1\u202fmin 05\u202fs"),
        (report.seconds, 7384, "2\u202fh 03\u202fmin"),
    ],
)
def test_numbers_are_written_so_that_people_can_read_them(function, value, text):
    assert function(value) == text


def test_names_that_look_like_numbers_stay_names(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("model,title,value\n1e5,NA,1e-5\nnan,None,\n", encoding="utf-8")
    assert report.read_table(path) == [
        {"model": "1e5", "title": "NA", "value": 1e-5},
        {"model": "nan", "title": "None", "value": None},
    ]


# ------------------------------------------------------------------------------ provenance
def test_the_cost_of_the_study_is_told_and_follows_the_records(tmp_path, page):
    study, _ = studies.build(configured())
    trainings = len(study.trainings)
    experiments = len(study.batchnorm.trained) * len(study.batchnorm.seeds)
    start = f"{trainings} trainings and {experiments} experiments took "
    assert start in page.text

    def slow(row):
        row["seconds"] = 3600

    arguments = fabricate(tmp_path, configured())
    spent = trainings * 3600 + experiments * 12.5
    told = f"{start}{report.seconds(spent)} of one core".replace(formats.THIN, " ")
    assert told not in page.text
    assert told in changed(arguments, "cost", slow).text


def test_texts_of_the_provenance_are_escaped(tmp_path):
    arguments = fabricate(tmp_path, configured())

    def rename(row):
        row["rule"] = HOSTILE

    arguments["study"] |= {"code": HOSTILE, "directory": HOSTILE}
    text = changed(arguments, "workflow", rename).text
    assert text.count(HOSTILE) >= 3


def test_a_study_without_any_record_of_cost_says_so(tmp_path):
    arguments = fabricate(tmp_path, configured())
    for name in ("cost", "bn_costs"):
        path = tmp_path / f"tables/{name}.csv"
        path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    found = Page(report.render(TEMPLATES, report.load_context(**arguments)))
    assert "No job of this study has left a record of its cost." in found.text


@pytest.mark.parametrize(
    ("value", "digits", "written"),
    [(89.065, 2, "89.07"), (100 * 0.89065, 2, "89.07"), (2.675, 2, "2.68"), (-0.004, 2, "0.00")],
)
def test_numbers_are_rounded_as_by_hand_wherever_they_come_from(value, digits, written):
    assert report.fixed(value, digits) == written


def test_the_first_screen_tells_the_time_of_all_jobs(tmp_path):
    arguments = fabricate(tmp_path, configured())
    context = report.load_context(**arguments)
    page = Page(report.render(TEMPLATES, context))
    whole = sum(job["core_seconds"] for job in context["provenance"]["jobs"])
    told = re.search(r"<dt>Computing time</dt><dd>([^<]*)<", page.source)
    assert told[1] == report.seconds(whole)
