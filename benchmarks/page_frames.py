"""How the position board keeps up: frame times in a real Chromium while thousands of rows move ten times a second.

    tidemark bench page_frames [--rows 5000] [--updates-per-second 10] [--seconds 20] [--share 0.2]

A stub in a process of its own makes the rows up and pushes them over server-sent events, as the API does; the page
is the built one. The reader scrolls for half of the time. Told are frame times (between two animation frames), long
tasks (over 50 ms, by the browser's own observer), how often the first row in sight changed, the memory of the page's
heap and how many rows were in the document. Needs `make page` and a Chromium; headless and without a GPU its frames
are painted in software.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import Page

from benchmarks._machine import machine, write_result
from tests.browser.chromium import chromium

WARM_UP_MS = 4_000
CURRENCIES = ("CNY", "USD", "EUR", "HKD", "JPY", "GBP", "SGD", "KWD")
#: Runs in the page: gathers frames and long tasks until it is asked.
WATCH = """() => {
  const seen = { frames: [], tasks: [], pushes: 0, last: 0 };
  window.__seen = seen;
  new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" });
  const frame = (now) => {
    if (seen.last) seen.frames.push(now - seen.last);
    seen.last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  const cell = () => document.querySelector(".board-space .board-row .number")?.textContent;
  let before = cell();
  new MutationObserver(() => { const now = cell(); if (now !== before) { before = now; seen.pushes += 1; } })
    .observe(document.querySelector(".board-space"), { subtree: true, characterData: true, childList: true });
}"""
SCROLL = """async (ms) => {
  const grid = document.querySelector(".board-grid");
  const until = performance.now() + ms;
  while (performance.now() < until) {
    grid.scrollTop = (grid.scrollTop + 40) % (grid.scrollHeight - grid.clientHeight);
    await new Promise(requestAnimationFrame);
  }
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--updates-per-second", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--share", type=float, default=0.2, help="of the rows that move in one update")
    asked = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    served = multiprocessing.get_context("fork").Process(
        target=serve, args=(port, asked.rows, asked.updates_per_second, asked.share), daemon=True
    )
    served.start()
    try:
        with chromium(within_ms=60_000) as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            figures = measure(page, f"http://127.0.0.1:{port}", asked.seconds)
    finally:
        served.terminate()
        served.join()
    result = {"asked": vars(asked), "machine": machine(), **figures}
    print(json.dumps(result, indent=2))
    write_result("page_frames", result)


def measure(page: Page, address: str, seconds: float) -> dict[str, Any]:
    """Half of the time at rest, half scrolling."""
    page.add_init_script(
        "localStorage.setItem('tidemark.board', JSON.stringify({grain: 'entity', sort: 'name'}))"
    )  # the grain whose rows the stream carries
    page.goto(f"{address}/#/board")
    page.wait_for_selector(".board-space .board-row")
    page.wait_for_timeout(WARM_UP_MS)
    found: dict[str, Any] = {}
    page.evaluate(WATCH)
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable")

    def busy_s() -> float:
        """Seconds that the page's main thread has worked."""
        metrics = browser.send("Performance.getMetrics")["metrics"]
        return float(next(one["value"] for one in metrics if one["name"] == "TaskDuration"))

    for name in ("at_rest", "scrolling"):
        page.evaluate("Object.assign(window.__seen, { frames: [], tasks: [], pushes: 0, last: 0 })")
        half_ms, busy_before_s = seconds * 500, busy_s()
        page.evaluate(SCROLL, half_ms) if name == "scrolling" else page.wait_for_timeout(half_ms)
        seen = page.evaluate("window.__seen")
        busy = round((busy_s() - busy_before_s) / half_ms * 1_000, 3)
        more = {"main_thread_busy_share": busy, "first_row_changes": seen["pushes"]}
        found[name] = told(seen["frames"], seen["tasks"], half_ms) | more
    heap = page.evaluate("performance.memory?.usedJSHeapSize ?? 0")
    rows = page.locator(".board-space .board-row").count()
    return found | {"heap_mib": round(heap / 2**20, 1), "rows_in_document": rows}


def told(frames_ms: list[float], tasks_ms: list[float], span_ms: float) -> dict[str, Any]:
    ordered = sorted(frames_ms)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else 0.0

    return {
        "frames": len(ordered),
        "frames_per_second": round(1_000 * len(ordered) / span_ms, 1),
        "frame_ms": {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": at(1.0)},
        "long_tasks": len(tasks_ms),
        "long_task_ms_max": round(max(tasks_ms, default=0.0), 1),
    }


def serve(port: int, rows: int, updates_per_second: float, share: float) -> None:
    """The stub: made-up rows, moved at a rate."""
    import uvicorn

    from tests.browser.mock_api import build_app
    from tests.browser.mock_board import BoardBank, install_board

    entities = [f"E{number:04d}" for number in range(-(-rows // len(CURRENCIES)))]
    bank = BoardBank([(entity, currency) for entity in entities for currency in CURRENCIES][:rows])
    app = build_app(bank)
    install_board(app, bank)
    bank.gap_answer = lambda: {"offsets": {}, "buckets": [], "rows": []}  # type: ignore[method-assign]

    async def run() -> None:
        async def move() -> None:
            loop = asyncio.get_running_loop()
            due = loop.time()
            while True:
                due = max(due + 1 / updates_per_second, loop.time())
                await asyncio.sleep(due - loop.time())
                bank.move_many(share)

        moving = asyncio.create_task(move())
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()
        moving.cancel()

    asyncio.run(run())


if __name__ == "__main__":
    main()
