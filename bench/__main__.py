"""`python -m bench [SCENARIO…]`: run scenarios three times each and print medians.

The gateway is pinned to core 0, the provider and the load generator to core 1. Durability is
`full`, and everything is on: keys, attribution, prices, intents, events. nginx as a plain proxy and
the provider alone are measured in the same run. Raw results are appended to bench/results/.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import tools
from bench.scenarios import SCENARIOS, Scenario

RESULTS = Path(__file__).with_name("results")
OUTLAY = Path(sys.executable).with_name("outlay")
PROMPT_CHARACTERS = 1_000


class Bench:
    """One run of the bench: where its files are, how long each measurement takes."""

    def __init__(self, directory: Path, *, seconds: float, rounds: int) -> None:
        """Compile the tools into `directory`."""
        self.directory = directory
        self.seconds = seconds
        self.rounds = rounds
        self.log = directory / "log"
        tools.build(directory)

    def measure(self, scenario: Scenario) -> Iterator[dict[str, Any]]:
        """Yield a row per round and target: the provider alone, nginx, Outlay."""
        for round_number in range(1, self.rounds + 1):
            for target in ("direct", "nginx", "outlay"):
                if target == "nginx" and shutil.which("nginx") is None:
                    continue
                if target != "outlay" and (scenario.sync_us or scenario.workers > 1):
                    continue
                row = self._measure_once(target, scenario)
                yield {"scenario": scenario.name, "target": target, "round": round_number, **row}

    def _measure_once(self, target: str, scenario: Scenario) -> dict[str, Any]:
        provider = tools.free_port()
        command = [str(self.directory / "upstream"), str(provider), "20", "1000"]
        with tools.running(command, self.log, cores=tools.LOAD_CORE):
            tools.wait_for_port(provider)
            if target == "direct":
                return self._load(provider, scenario, "none")
            if target == "nginx":
                with self._nginx(provider, scenario) as (port, pid):
                    return self._load(port, scenario, "none", pid)
            with self._outlay(provider, scenario) as (port, pid, key, data_dir):
                row = self._load(port, scenario, key, pid)
            return row | _fairness(data_dir)

    def _load(
        self, port: int, scenario: Scenario, key: str, pid: int | None = None
    ) -> dict[str, Any]:
        request = self.directory / "request"
        request.write_bytes(_request(key, stream=scenario.stream))
        pids = [] if pid is None else tools.children_of(pid)
        before_s = tools.cpu_s(pids)
        row = tools.run_load(
            self.directory,
            port,
            request,
            connections=scenario.connections,
            rate=scenario.rate,
            seconds=self.seconds,
            warmup_s=1,
        )
        used_s = tools.cpu_s(pids) - before_s
        if pids:
            share = self.seconds / (self.seconds + 1)
            row["cpu_us_per_call"] = round(used_s * share * 1e6 / max(row["calls"], 1), 1)
            row["memory_mb"] = tools.memory_mb(pids)
        return row

    @contextmanager
    def _nginx(self, provider: int, scenario: Scenario) -> Iterator[tuple[int, int]]:
        port = tools.free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(_NGINX.format(port=port, provider=provider, at=self.directory))
        command = ["nginx", "-c", str(configuration), "-p", str(self.directory)]
        with tools.running(command, self.log, cores=scenario.cores) as process:
            tools.wait_for_page(f"http://127.0.0.1:{port}/ready", process, self.log)
            yield port, process.pid

    @contextmanager
    def _outlay(self, provider: int, scenario: Scenario) -> Iterator[tuple[int, int, str, Path]]:
        data_dir = Path(tempfile.mkdtemp(dir=self.directory))
        port = tools.free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTLAY_")} | {
            "OUTLAY_DATA_DIR": str(data_dir),
            "OUTLAY_OPENAI_BASE_URL": f"http://127.0.0.1:{provider}",
            "OUTLAY_OPENAI_API_KEY": "sk-bench",
            "OUTLAY_LOG_LEVEL": "warning",
        }
        key = _make_key(environment)
        if scenario.sync_us:
            environment["LD_PRELOAD"] = str(self.directory / "slow_sync.so")
            environment["OUTLAY_BENCH_SYNC_US"] = str(scenario.sync_us)
        command = [str(OUTLAY), "serve", "--port", str(port), "--workers", str(scenario.workers)]
        with tools.running(
            command, self.log, cores=scenario.cores, environment=environment
        ) as process:
            tools.wait_for_page(f"http://127.0.0.1:{port}/readyz", process, self.log)
            yield port, process.pid, key, data_dir


_NGINX = """
daemon off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx.log; events {{}}
http {{
  access_log off;
  upstream provider {{ server 127.0.0.1:{provider}; keepalive 256; }}
  server {{
    listen 127.0.0.1:{port};
    location = /ready {{ return 200; }}
    location / {{
      proxy_pass http://provider; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


def _make_key(environment: dict[str, str]) -> str:
    made = subprocess.run(
        [OUTLAY, "keys", "create", "--name", "bench", "--format", "json"],
        env=environment,
        capture_output=True,
        check=True,
    )
    return str(json.loads(made.stdout)["key"])


def _request(key: str, *, stream: bool) -> bytes:
    body: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "max_tokens": 256,
        "messages": [{"role": "user", "content": "Summarise the ledger. " * 60}],
    }
    body["messages"][0]["content"] = body["messages"][0]["content"][:PROMPT_CHARACTERS]
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    text = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        "User-Agent: bench\r\nAccept: */*\r\nX-Cost-Feature: ticket-resolver\r\n"
        "X-Cost-Department: customer-success\r\nX-Cost-User: usr_8f2a3c91\r\n"
        f"X-Cost-Session: ticket_4711\r\nContent-Length: {len(text)}\r\n\r\n"
    )
    return head.encode() + text


def _fairness(data_dir: Path) -> dict[str, Any]:
    """Count what is in the ledger after the run: calls of each worker, open intents."""
    with sqlite3.connect(f"file:{data_dir}/ledger.sqlite3?mode=ro", uri=True) as ledger:
        by_worker = ledger.execute("SELECT count(*) FROM intents GROUP BY boot_id").fetchall()
        (events,) = ledger.execute("SELECT count(*) FROM usage_events").fetchone()
    calls = sorted(count for (count,) in by_worker)
    return {"calls_by_worker": calls, "intents": sum(calls), "events": events}


def _median_row(rows: list[dict[str, Any]]) -> str:
    def median(name: str) -> float:
        return float(statistics.median(row.get(name, 0) for row in rows))

    return (
        f"{rows[0]['scenario']:<14} {rows[0]['target']:<7} {median('calls_per_s'):>9.0f} calls/s  "
        f"p50 {median('p50_us') / 1000:>7.2f}  p99 {median('p99_us') / 1000:>7.2f}  "
        f"longest {median('max_us') / 1000:>7.1f} ms  cpu {median('cpu_us_per_call'):>6.0f} us  "
        f"least of a connection {median('least_calls_of_a_connection'):.0f}"
    )


def main() -> None:
    """Run the scenarios named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=list(SCENARIOS), metavar="SCENARIO")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    started = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="outlay-bench-") as name:
        directory = Path(name)
        bench = Bench(directory, seconds=chosen.seconds, rounds=chosen.rounds)
        machine = {
            "at": started.isoformat(timespec="seconds"),
            "cpus": os.cpu_count(),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "sync_us": tools.sync_us(directory),
        }
        RESULTS.mkdir(exist_ok=True)
        with (RESULTS / f"{started:%Y-%m-%d}.jsonl").open("a") as out:
            for scenario in chosen.scenarios:
                by_target: dict[str, list[dict[str, Any]]] = {}
                for row in bench.measure(SCENARIOS[scenario]):
                    print(json.dumps(machine | row), file=out, flush=True)
                    by_target.setdefault(row["target"], []).append(row)
                for rows in by_target.values():
                    tools.say(_median_row(rows))


if __name__ == "__main__":
    main()
