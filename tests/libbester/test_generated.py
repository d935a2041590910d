#!/usr/bin/env python3
"""fixtures/generate.py writes what is committed: not a byte more, less or other. Writes TAP."""

import pathlib
import subprocess
import sys
import tempfile

FIXTURES = pathlib.Path("fixtures")
FOLDERS = ["corpus/json", "frames"]


def contents(root):
    return {path.relative_to(root).as_posix(): path.read_bytes()
            for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file()}


with tempfile.TemporaryDirectory() as scratch:
    subprocess.run([sys.executable, FIXTURES / "generate.py", scratch], check=True,
                   stdout=subprocess.DEVNULL)
    generated = contents(pathlib.Path(scratch))
committed = contents(FIXTURES)
wrong = sorted(name for name in generated.keys() | committed.keys()
               if generated.get(name) != committed.get(name))
print("1..1")
for name in wrong:
    print(f"# {name} is not what fixtures/generate.py writes")
print("not ok" if wrong or len(generated) < 300 else "ok", "1 - the fixtures are what is generated")
sys.exit(1 if wrong else 0)
