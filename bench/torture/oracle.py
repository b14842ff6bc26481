"""Computes again what each login should have been given.

    python3 bench/torture/oracle.py <lines>

Each line has device, experiment, variation and the number of the configuration
that the answer says it was decided by. Configuration number n gives the first
variation n * 7 % 101 percent.
"""
import hashlib
import sys

wrong = total = 0
for line in open(sys.argv[1]):
    device, experiment, variation, number = line.rstrip("\n").split("\t")
    digest = hashlib.sha256((device + experiment).encode()).digest()
    bucket = int.from_bytes(digest[:8], "big") % 100
    expected = "var_Base" if bucket < int(number) * 7 % 101 else "var_Test"
    total += 1
    if variation != expected:
        wrong += 1
        if wrong <= 3:
            print(f"{device}: given {variation} by configuration {number}, expected {expected}", file=sys.stderr)
print(wrong, total)
