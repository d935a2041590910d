"""runner: many trials, several at a time, and what they come to."""
import collections
import multiprocessing
import queue
import sys

import conversations
import trial

KINDS = ("crash", "leak", "hang", "loss", "silence", "wrong")


class Sum:
    """What a run has come to, for each conversation and in all."""

    def __init__(self):
        self.rows = collections.OrderedDict()
        self.failed = []
        self.ended = []

    def row(self, name):
        return self.rows.setdefault(name, collections.Counter())

    def add(self, result):
        row = self.row(result.name)
        row["tried"] += 1
        row["fired"] += result.fired
        row["ended"] += result.ended
        row["theirs"] += result.theirs
        if result.trouble:
            row[result.trouble.split(":")[0]] += 1
            self.failed.append(result)
        elif result.ended:
            self.ended.append(result)

    def total(self, what):
        return sum(row[what] for row in self.rows.values())

    def print(self, out=sys.stdout):
        columns = ("calls", "tried", "fired", "ended", "theirs", *KINDS)
        print(f"# {'':14}" + "".join(f"{name:>9}" for name in columns), file=out)
        for name, row in [*self.rows.items(), ("all", {key: self.total(key) for key in columns})]:
            print(f"# {name:14}" + "".join(f"{row[key]:>9}" for key in columns), file=out)


def worker(jobs, results):
    made = {}
    while (job := jobs.get()) is not None:
        name, fault, descriptors = job
        try:
            if name not in made:
                made[name] = conversations.ALL[name]()
            results.put(trial.run(name, made[name], fault, descriptors))
        except Exception as error:  # pylint: disable=broad-except
            failed = trial.Result(name, fault)
            failed.trouble = f"wrong: the trial itself failed: {error!r}"
            results.put(failed)
    conversations.remove_others()
    results.put(None)


def run_all(tries, count, on_result):
    """tries: (name, fault, quiet descriptors). on_result is called for each as it comes."""
    jobs = multiprocessing.Queue()
    results = multiprocessing.Queue()
    conversations.made_files()
    conversations.remove_others() # each worker has its own, and none of them this one
    workers = [multiprocessing.Process(target=worker, args=(jobs, results), daemon=True)
               for _ in range(count)]
    for one in tries:
        jobs.put(one)
    for one in workers:
        jobs.put(None)
        one.start()
    alive = count
    while alive:
        try:
            result = results.get(timeout=1)
        except queue.Empty:
            if not any(one.is_alive() for one in workers):
                raise RuntimeError("the workers have died") from None
            continue
        if result is None:
            alive -= 1
        else:
            on_result(result)
    for one in workers:
        one.join()


def describe(result, out=sys.stdout):
    print(f"# {result.name} {result.fault}: {result.trouble or 'ended, with a sentence'}", file=out)
    for frame in result.where[:14]:
        print(f"#     {frame}", file=out)
    for line in result.words.splitlines()[-6:]:
        print(f"#   > {line[:300]}", file=out)
