#!/usr/bin/env python3
"""Draws the figures of docs/allocate anew, from what the programs of examples/ compute.

  docs/figures/allocate.py [--bin build/test/bin] [--out docs/figures] [figure ...]

Figures: powerflow optimal choice shares elastic order zeus, all of them by default. Needs gnuplot.
Same programs, same bytes. What goes in stands beside this file:

  allocate_points.csv    operating points of five training jobs on V100, those of model::catalogue at the
                         usual batch, in one server
  allocate_jobs.csv      sixteen jobs; hours: their work on one GPU at the top clock
  allocate_shares.json   six jobs on three types of GPU, with the throughputs of model::catalogue at the
                         usual batch and the top clock; steps are samples, elapsed_s is time that only waited
  allocate_cluster.json  two servers of eight GPUs
  allocate_elastic.csv   six jobs that may have one to eight of them
  model_clock.csv        V100 over the clock, measured
"""
import argparse
import csv
import json
import math
import os
import random
import subprocess
import sys
import tempfile

here = os.path.dirname(os.path.abspath(__file__))


def beside(name):
    return os.path.join(here, name)


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


class Workbench:
    """Runs programs, keeps their data in a scratch directory, and draws."""

    def __init__(self, programs, out, scratch):
        self.programs, self.out, self.scratch = programs, out, scratch

    def file(self, name):
        return os.path.join(self.scratch, name)

    def run(self, program, *arguments, given=None):
        text = None if given is None else json.dumps(given)
        done = subprocess.run([os.path.join(self.programs, program), *arguments], input=text,
                              stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"allocate: {program} {' '.join(arguments)} ended with {done.returncode}")
        return done.stdout

    def answer(self, program, given, *arguments):
        return json.loads(self.run(program, *arguments, given=given))

    def allocate(self, given, *arguments):
        """The answer of heddle-allocate; an optimum must be proved, so that it is the same everywhere."""
        a = self.answer("heddle-allocate", given, *arguments, "--time-limit-ms", "20000")
        if "optimal" in arguments and a["status"] != "optimal":
            sys.exit(f"allocate: not proved in time: {' '.join(arguments)}, {given['capacity']}")
        return a

    def table(self, name, rows):
        with open(self.file(name + ".dat"), "w") as file:
            for row in rows:
                file.write(" ".join(x if isinstance(x, str) else f"{x:.9g}" for x in row) + "\n")

    def draw(self, figure):
        subprocess.run(["gnuplot", "-e", f"data='{self.scratch}/'; out='{self.out}/allocate_{figure}.svg'",
                        beside(f"allocate_{figure}.gp")], check=True)


def sixteen_jobs(points=lambda p: True):
    """The jobs of allocate_jobs.csv as heddle-allocate reads them, with those of their points."""
    curves = {}
    for row in rows_of(beside("allocate_points.csv")):
        point = {"gpus": int(row["gpus"]), **{k: float(row[k]) for k in ("clock_ghz", "throughput", "power_w")}}
        curves.setdefault(row["model"], []).append(point)
    jobs = []
    for row in rows_of(beside("allocate_jobs.csv")):
        curve = curves[row["model"]]
        alone = max(p["throughput"] for p in curve if p["gpus"] == 1)
        jobs.append({"id": int(row["id"]), "work": float(row["hours"]) * 3600 * alone,
                     "points": [p for p in curve if points(p)]})
    return jobs


def hours_of(i):
    return float(rows_of(beside("allocate_jobs.csv"))[i]["hours"])


def chosen(jobs, answer):
    """The point of each job, none where it waits."""
    return [None if c["point"] is None else j["points"][c["point"]] for j, c in zip(jobs, answer["choice"])]


def powerflow(bench):
    """Time left and energy of sixteen jobs on 64 GPUs over the power that they may draw."""
    horizon_h = 80
    anywhere, fast = sixteen_jobs(), sixteen_jobs(lambda p: p["clock_ghz"] == 1.38)
    rows = []
    for step in range(4, 53):
        power_w = 250 * step
        row = [power_w / 1e3]
        for jobs, policy in ((anywhere, "powerflow"), (anywhere, "optimal"), (fast, "optimal")):
            a = bench.allocate({"capacity": {"gpus": 64, "power_w": power_w}, "jobs": jobs},
                               "--policy", policy, "--horizon-s", str(3600 * horizon_h))
            points = chosen(jobs, a)
            # Energy is that of all work or not told.
            energy_j = sum(j["work"] * p["power_w"] / p["throughput"] if p else math.nan
                           for j, p in zip(jobs, points))
            row += [horizon_h - a["objective"] / len(jobs) / 3600, energy_j / 3.6e6]
        rows.append(row)
    bench.table("powerflow", rows)


def optimal(bench):
    """What each of sixteen jobs draws by length, for three objectives: 32 GPUs, 4 kW."""
    jobs = sixteen_jobs()
    given = {"capacity": {"gpus": 32, "power_w": 4000}, "jobs": jobs}
    columns = [chosen(jobs, bench.allocate(given, "--policy", "optimal", "--objective", o))
               for o in ("jct", "rate", "energy")]
    rows = [[hours_of(i)] + [p[i]["power_w"] if p[i] else 0 for p in columns] for i in range(len(jobs))]
    bench.table("optimal", sorted(rows))


def choice(bench):
    """Bound, optimum and greedy of a small problem over its capacities."""
    dice = random.Random(1)

    def number(most):
        return 1 + int(most * dice.random())

    jobs = []
    for i in range(12):
        points = []
        for _ in range(8):
            use = [number(20) for _ in range(3)]
            points.append({"use": use, "value": sum(use) + number(20)})
        jobs.append({"id": i, "points": points})
    rows = []
    for percent in range(10, 101, 2):
        given = {"capacity": [12 * 10.5 * percent / 100] * 3, "jobs": jobs}
        best = bench.allocate(given, "--policy", "optimal")
        greedy = bench.allocate(given, "--policy", "greedy")
        rows.append([percent] + [100 * x / best["objective"] for x in
                                 (greedy["bound"], greedy["objective"])])
    bench.table("choice", rows)


def shares(bench):
    """Throughput of six jobs on three types of GPU against an equal part of each."""
    with open(beside("allocate_shares.json")) as file:
        given = json.load(file)
    jobs = given["jobs"]

    def throughput(policy):
        x = bench.answer("heddle-share", given, "--policy", policy)["x"]
        return [sum(t * part for t, part in zip(job["throughput"], row)) for job, row in zip(jobs, x)]

    alone = throughput("isolated")
    for job, t in zip(jobs, alone):
        job["isolated_s"] = job["steps"] / t
    columns = [throughput(p) for p in ("max_min_lexicographic", "finish_time_fairness",
                                       "max_normalized_throughput", "max_throughput")]
    bench.table("shares", [[f'"{job["model"]}"'] + [c[i] / alone[i] for c in columns]
                           for i, job in enumerate(jobs)])


def elastic(bench):
    """Which GPU has which job when, from the logs of decisions of three simulations."""
    for policy in ("requested", "throughput_marginal", "max_min"):
        log, per_job = bench.file(policy + ".log"), bench.file(policy + ".csv")
        bench.run("heddle-simulate", "--cluster", beside("allocate_cluster.json"), "--jobs",
                  beside("allocate_elastic.csv"), "--allocate", policy, "--place", "packed", "--route", "ideal",
                  "--decisions", log, "--per-job", per_job, "--report", bench.file("report.json"))
        finish = {int(r["job_id"]): float(r["finish_s"]) for r in rows_of(per_job)}
        held, rows, now = {}, [], 0.0

        def free(job, until):
            since, gpus = held.pop(job)
            rows.extend([since / 60, until / 60, float(first), last + 1.0, float(job)] for first, last in gpus)

        for line in open(log):
            word = line.split()
            if word[0] == "at":
                now = float(word[1])
                for job in [j for j in held if finish[j] <= now]:
                    free(job, finish[job])
            elif word[0] in ("start", "resize", "stop"):
                job = int(word[1])
                if job in held:
                    free(job, now)
                if word[0] != "stop":
                    ranges = (part.split("-") for part in word[word.index("gpus") + 1].split(","))
                    held[job] = now, [(int(r[0]), int(r[-1])) for r in ranges]
        for job in list(held):
            free(job, finish[job])
        bench.table(policy, sorted(rows))


def order(bench):
    """Delay by length of 400 jobs on 16 GPUs, mean of five draws."""
    orders = ("fifo", "fewest_gpus", "shortest", "shortest_remaining", "least_attained")
    delay = {o: [0.0] * 4 for o in orders}
    draws = 5
    for seed in range(draws):
        dice = random.Random(seed)
        now, jobs = 0.0, []
        for i in range(400):
            now += -math.log(1 - dice.random()) * 1100
            gpus = (1, 1, 2, 4, 8)[int(5 * dice.random())]
            jobs.append((i, round(now), gpus, round(60 * 500 ** dice.random())))
        path, per_job = bench.file("jobs.csv"), bench.file("per_job.csv")
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([("job_id", "submit_s", "gpus", "duration_s"), *jobs])
        by_length = sorted(range(400), key=lambda i: (jobs[i][3], i))
        for o in orders:
            stops = ["--preempt"] if o in ("shortest_remaining", "least_attained") else []
            bench.run("heddle-simulate", "--cluster", beside("allocate_cluster.json"), "--jobs", path, "--order", o,
                      *stops, "--backfill", "easy", "--route", "ideal", "--per-job", per_job,
                      "--report", bench.file("report.json"))
            jct = {int(r["job_id"]): float(r["finish_s"]) - float(r["submit_s"]) for r in rows_of(per_job)}
            for k, i in enumerate(by_length):
                delay[o][k // 100] += (jct[i] - jobs[i][3]) / 60 / 100 / draws
    quarters = ("shortest", "second", "third", "longest")
    bench.table("order", [[f'"{q}"'] + [delay[o][k] for o in orders] for k, q in enumerate(quarters)])


def zeus(bench):
    """The cost that zeus makes least over the clock of one job, for five trades of energy for time."""
    wanted = bench.file("clocks.csv")
    with open(wanted, "w") as file:
        file.write("clock_ghz\n" + "".join(f"{f / 100:.2f}\n" for f in range(50, 139)))
    rows = [{k: float(r[k]) for k in ("clock_ghz", "iteration_s", "power_w")} for r in
            csv.DictReader(bench.run("heddle-fit", beside("model_clock.csv"), "--predict", wanted).splitlines())]
    fastest = rows[-1]

    def cost(eta, r):
        return (eta * r["power_w"] + (1 - eta) * fastest["power_w"]) * r["iteration_s"]

    etas = (0, 0.25, 0.5, 0.75, 1)
    bench.table("zeus", [[r["clock_ghz"]] + [100 * cost(e, r) / cost(e, fastest) for e in etas] for r in rows])
    least = [min(rows, key=lambda r: cost(e, r)) for e in etas]
    bench.table("zeus_picks", [[r["clock_ghz"], 100 * cost(e, r) / cost(e, fastest)] for e, r in zip(etas, least)])


figures = {f.__name__: f for f in (powerflow, optimal, choice, shares, elastic, order, zeus)}


def main():
    read = argparse.ArgumentParser(description="Draws the figures of docs/allocate.")
    read.add_argument("--bin", default="build/test/bin", help="where the programs are")
    read.add_argument("--out", default=here, help="where the figures go")
    read.add_argument("figure", nargs="*", help=" ".join(figures) + "; all by default")
    given = read.parse_args()
    for name in given.figure:
        if name not in figures:
            read.error(f"a figure is one of {', '.join(figures)}, got {name}")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Workbench(given.bin, given.out, scratch)
        for name in given.figure or figures:
            figures[name](bench)
            bench.draw(name)


if __name__ == "__main__":
    main()
