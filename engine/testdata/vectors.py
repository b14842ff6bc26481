"""Writes vectors.json: buckets worked out apart from the Go code, from the
published formula alone.

    python3 engine/testdata/vectors.py > engine/testdata/vectors.json
"""

import hashlib
import json
from decimal import Decimal

EXPERIMENTS = ["exp_1", "exp_uMP2ccYnKbSXPPNF8q1jsh", "exp_wPe1df6nVSsqtNvxAUkr7P", "exp_" + "z" * 300]
SUBJECTS = [
    "", "a", "A", " ", "device-1", "0f8fad5b-d9cb-469f-a165-70867728950e",
    "auth0|user_xyz", "Grüße", "日本語の端末", "👩‍👩‍👧‍👦", "Zürich", "e\u0301", "\u00e9", "\u2028\u2029",
    "\u0000", "tab\tnew\nline", "\u007f", "\"quoted\\\"", "s" * 233, "s" * 234, "s" * 235, "s" * 255, "s" * 256,
    "s" * 257, "ü" * 200, "x" * 10000,
] + ["subject-%d" % i for i in range(40)]
WEIGHTS = [
    ["50", "50"], ["33.333", "33.333", "33.334"], ["0.5", "99.5"], ["0", "100"], ["100", "0"],
    ["1"] * 20 + ["80"], ["0", "12.5", "0", "87.499", "0.001"], ["10", "20"],
]


def vector(subject, experiment, weights):
    n = int.from_bytes(hashlib.sha256((subject + experiment).encode()).digest()[:8], "big")
    place = Decimal(n % 100) + Decimal(n // 100 % 1000) / 1000
    index, end = -1, Decimal(0)
    for i, weight in enumerate(weights):
        end += Decimal(weight)
        if place < end:
            index = i
            break
    return {
        "subject": subject, "experiment_id": experiment, "bucket": n % 100,
        "fine_bucket": int(place * 1000), "weights": weights, "index": index,
    }


rows = []
for i, subject in enumerate(SUBJECTS):
    for j, experiment in enumerate(EXPERIMENTS):
        rows.append(vector(subject, experiment, WEIGHTS[(i + j) % len(WEIGHTS)]))
print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")
