"""How long it takes to judge a thousand series of sixty nights, and how much memory.

Every series is 60 nights with a pair every 20 minutes (4,320 rows), drawn with Student's t₂ noise:
innocent, with a curfew of 20–22 at an eighth, or with a weak one at a half, which leaves bounds the
least to prune by. They are judged together, with all p-values, in a process of its own that is
bound to one core and told to use one thread. The time is that process's CPU time; the yardstick is
the 60 s (and the 1 GB) that a thousand series may take. The ratio of a thousand to a hundred series
says whether the time grows in proportion: 10 if it does.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

SERIES = 1000
NIGHTS = 60
EVERY_S = 1200
ALLOWED_S = 60.0
ALLOWED_MB = 1024.0
MIXES = {
    "innocent": (0.0, 8.0, "all innocent"),
    "curfew": (1.0, 8.0, "all with a curfew (20–22 at ×1/8)"),
    "weak": (1.0, 2.0, "all with a weak curfew (20–22 at ×1/2)"),
    "mix": (0.1, 8.0, "one in ten with a curfew"),
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def judge_here(mix: str, count: int) -> dict[str, float]:
    """Draw and judge; CPU seconds of the judging, peak memory of the whole process, claims."""
    import numpy as np

    from evenfall.infer.nights import judge
    from evenfall.infer.series import Basis, Series

    share, factor, _ = MIXES[mix]

    def drawn(number: int) -> Series:
        rng = np.random.default_rng(number)
        rows = NIGHTS * 86_400 // EVERY_S
        at_s = 1_704_049_200 + np.arange(rows) * EVERY_S + rng.uniform(0, 240, rows)
        hour = (at_s + 5 * 3600) % 86_400 / 3600  # Karachi is UTC+5
        guilty = number % 10 < 10 * share
        slowed = guilty & (hour >= 20) & (hour < 22)
        unknown = np.full(rows, np.nan)
        return Series(
            service=f"service-{number % 10}",
            network=f"AS{number // 10}",
            timezone="Asia/Karachi",
            basis=Basis.PAIRS,
            started_us=(at_s * 1e6).astype(np.int64),
            failed=unknown,
            log_ratio=0.19 * rng.standard_t(2, rows) - np.log(factor) * slowed,
            null_log_ratio=0.19 * rng.standard_t(2, rows),
            control_failed=unknown,
            line=None,
            clock_verified=np.ones(rows, dtype=bool),
        )

    series = [drawn(number) for number in range(count)]
    started = time.process_time()
    judgement = judge(series, rng=np.random.default_rng(0))
    return {
        "cpu_s": time.process_time() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "claimed": len(judgement.curfews),
    }


def judged(mix: str, count: int) -> dict[str, float]:
    """The same in a process of its own, on one core, with one thread."""
    done = subprocess.run(
        [sys.executable, __file__, mix, str(count)],
        env={**os.environ, **dict.fromkeys(THREADS, "1")},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def run() -> list[dict[str, object]]:
    """Measure and return the rows for docs/PERFORMANCE.md."""
    found = {mix: judged(mix, SERIES) for mix in MIXES}
    few = judged("mix", SERIES // 10)
    rows = [
        {
            "name": f"nights: {SERIES:,} series, {words}: CPU time ÷ {ALLOWED_S:.0f} s",
            "ratio": found[mix]["cpu_s"] / ALLOWED_S,
            "goal": "under 1",
            "detail": f"{found[mix]['cpu_s']:.1f} s on one core, "
            f"{1000 * found[mix]['cpu_s'] / SERIES:.0f} ms a series of {NIGHTS} nights × "
            f"{86_400 // EVERY_S} pairs; {found[mix]['claimed']:.0f} claimed",
        }
        for mix, (_, _, words) in MIXES.items()
    ]
    most = max(found, key=lambda mix: found[mix]["peak_mb"])
    rows.append(
        {
            "name": f"nights: {SERIES:,} series: peak memory ÷ 1 GiB",
            "ratio": found[most]["peak_mb"] / ALLOWED_MB,
            "goal": "under 1",
            "detail": f"{found[most]['peak_mb']:.0f} MiB with {MIXES[most][2]}, the series "
            f"themselves included; {few['peak_mb']:.0f} MiB for {SERIES // 10}",
        }
    )
    rows.append(
        {
            "name": f"nights: {SERIES:,} ÷ {SERIES // 10} series (CPU time)",
            "ratio": found["mix"]["cpu_s"] / few["cpu_s"],
            "goal": "about 10",
            "detail": f"{found['mix']['cpu_s']:.1f} s against {few['cpu_s']:.1f} s, "
            f"{MIXES['mix'][2]}",
        }
    )
    return rows


if __name__ == "__main__":
    if len(sys.argv) == 3:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        print(json.dumps(judge_here(sys.argv[1], int(sys.argv[2]))))
    else:
        for row in run():
            print(row)
