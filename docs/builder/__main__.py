"""`make docs` and `make docs-serve`: the site of zensical.toml, built with warnings as errors."""

import argparse
import subprocess
import sys

from builder.check import faults
from builder.markdown import ROOT
from builder.stage import stage


def main() -> int:
    """Make the pages, build the site and check it; 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="builder", description=__doc__)
    parser.add_argument("--serve", action="store_true", help="show the site at localhost:8000")
    serve = parser.parse_args().serve
    stage(ROOT / "build/pages")
    command = [sys.executable, "-m", "zensical", *(["serve"] if serve else ["build", "--strict"])]
    if serve:
        return subprocess.run(command, cwd=ROOT, check=False).returncode
    done = subprocess.run([*command, "--clean"], cwd=ROOT, capture_output=True, text=True)
    print(done.stdout + done.stderr, end="")
    warned = [line for line in done.stderr.splitlines() if line.startswith("griffe:")]
    found = faults(ROOT / "build/site") if done.returncode == 0 else []
    if warned:
        found.append("a docstring of the Python interface does not fit its function: see above")
    print("\n".join(found) or "Open build/site/index.html" * (done.returncode == 0))
    return int(done.returncode != 0 or bool(found))


if __name__ == "__main__":
    sys.exit(main())
