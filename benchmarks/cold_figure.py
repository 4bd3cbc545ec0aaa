"""What a user's first script does: import, build, simulate 500 ms of COBA, save a raster. Timed from outside.

``python benchmarks/cold_figure.py FILE.png`` prints the seconds spent up to each stage as JSON.
"""

import json
import sys
import time

start = time.perf_counter()
stages = {}

import matplotlib  # noqa: E402 - imports are part of what is timed

matplotlib.use("Agg")

import snnlab  # noqa: E402

stages["imported"] = time.perf_counter() - start
recording = snnlab.simulate(snnlab.models.coba_ei(), duration=500.0)
stages["simulated"] = time.perf_counter() - start
snnlab.plots.raster(recording).figure.savefig(sys.argv[1])
stages["drawn"] = time.perf_counter() - start
print(json.dumps(stages))
