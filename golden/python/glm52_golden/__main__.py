"""Lists a case, or judges a dump by it; exit code 3 when a stage is wrong."""

import argparse
import sys

from .case import CLASSES, open_case
from .compare import compare
from .files import GoldenError, read_stored


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="glm52-golden", description=__doc__)
    parser.add_argument("case", help="the name of a case, or its folder")
    parser.add_argument("dump", nargs="?", help="a safetensors file; without it the case is listed")
    parser.add_argument("--class", dest="kind", choices=CLASSES, help="what the engine computes in")
    parser.add_argument("--pack", help="the folder of the pack")
    given = parser.parse_args(arguments)
    try:
        case = open_case(given.case, given.pack)
        if given.dump is None:
            print("certified for", ", ".join(case.certified))
            for name, x in case.expected.items():
                print(name, "integers" if x.dtype.kind in "iu" else "floats", list(x.shape))
            return 0
        report = compare(read_stored(given.dump), case, given.kind)
    except (GoldenError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    return 3 if report.first_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
