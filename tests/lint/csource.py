"""What the checks of C sources share: finding the files, and blanking what is not code."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(root, *folders):
    """The .c, .h and .def files below the folders of root, sorted."""
    for folder in folders:
        for path in sorted((root / folder).rglob('*')):
            if path.suffix in ('.c', '.h', '.def') and path.is_file():
                yield path


def code(text):
    """The text with comments and literals blanked; lines keep their numbers."""
    return NOT_CODE.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), text)


def main(check):
    """Runs check(root), which yields violations, over the root given or the project; the exit status says if there were any."""
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT
    violations = list(check(root))
    for violation in violations:
        print(violation)
    sys.exit(1 if violations else 0)
