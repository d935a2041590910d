#!/usr/bin/env python3
"""docs/conformance.md: every sentence has a play or a reason why there is none, and its tables say
so. Writes TAP."""
import os, re, shutil, subprocess, sys, tempfile

DOCUMENT = "docs/conformance.md"
FOLDER = "fixtures/conformance"
SENTENCES = os.path.abspath("tests/check/sentences")


def table(part, directory="."):
    return subprocess.run([SENTENCES, part], capture_output=True, text=True, cwd=directory)


def tables_are_current():
    with open(DOCUMENT, encoding="utf-8") as file:
        text = file.read()
    for part, least in (("I", 40), ("II", 60)):
        made = table(part)
        assert made.returncode == 0, made.stderr
        assert made.stdout.count("\n") > least, made.stdout
        assert f"<!-- generated: sentences {part} -->\n{made.stdout}<!-- end -->" in text, \
            f'the table of part {part} is not what the plays prove; "make docs" writes it anew'


class Copy:
    """The document and the plays, in a directory where they can be spoilt."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="bester-conformance-")
        shutil.copytree(FOLDER, os.path.join(self.directory, FOLDER))
        os.mkdir(os.path.join(self.directory, "docs"))
        shutil.copy(DOCUMENT, os.path.join(self.directory, DOCUMENT))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory)

    def change(self, path, old, new):
        path = os.path.join(self.directory, path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert re.search(old, text, re.M), f"no {old} in {path}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(old, new, text, count=1, flags=re.M))

    def fails(self, sentence):
        made = table("I", self.directory)
        assert made.returncode != 0 and sentence in made.stderr, made.stderr


def mistakes_are_told():
    play = FOLDER + "/part1/older_form.json"
    for path, old, new, sentence in [
        (play, r'"I\.Oneshot\.8"', '"I.Oneshot.99"', "there is no sentence I.Oneshot.99"),
        (play, r'"I\.Oneshot\.8"', '"I.Oneshot.7"', "I.Oneshot.8 has neither play nor reason"),
        (play, r'"proves": \[.*\],', '"proves": [],', "does not say what it proves"),
        (play, r' *"proves": \[.*\],\n', "", "does not say what it proves"),
        (DOCUMENT, r"^(- \*\*I\.Oneshot\.8\*\* .*)$", r"\1 *Not played: so.*", "a play and a reason"),
        (DOCUMENT, r"I\.Oneshot\.8\*\*", "I.Oneshot.7**", "I.Oneshot.7 is there twice"),
    ]:
        with Copy() as copy:
            copy.change(path, old, new)
            copy.fails(sentence)


def main():
    tests = [("the tables are current", tables_are_current), ("mistakes are told", mistakes_are_told)]
    failed = 0
    print(f"1..{len(tests)}")
    for number, (name, test) in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {name}")
        except Exception as wrong:
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join("# " + line for line in f"{type(wrong).__name__}: {wrong}".splitlines()))
    return 1 if failed else 0


sys.exit(main())
