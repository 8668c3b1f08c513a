"""har_reader.py FILE: parses a HAR all the time, from its beginning, until its standard input ends; then says as JSON how often it did
(reads), how many entries it saw at most (largest), and what was no HAR (faults)."""

import json
import select
import sys
import time


def look(path, said):
    try:
        with open(path, encoding='utf-8') as f:
            log = json.load(f)['log']
        said['largest'] = max(said['largest'], len(log['entries']))
        said['reads'] += 1
    except FileNotFoundError:
        pass  # before the first start
    except (ValueError, KeyError) as e:
        said['faults'].append(repr(e))


def main():
    said = {'reads': 0, 'largest': 0, 'faults': []}
    while not select.select([sys.stdin], [], [], 0)[0]:
        look(sys.argv[1], said)
        time.sleep(0.002)  # who writes wants to run, too
    json.dump(said, sys.stdout)


if __name__ == '__main__':
    main()
