"""Reads made-up frames of a venue with cryptofeed's own code, for the bench `books`.

`books_cryptofeed.py prepare DIR` makes an environment with cryptofeed in DIR and prints its Python;
where that cannot be done it prints why and ends with 1. `books_cryptofeed.py VENUE FILE` reads FILE
(first line: the whole book; then one difference a line) and prints the seconds of a core they took.
"""

import asyncio
import subprocess
import sys
import time
import venv
from pathlib import Path

RELEASE = "cryptofeed==2.4.1"


def prepare(folder: Path) -> int:
    python = folder / "bin" / "python"
    try:
        if not python.is_file():
            venv.create(folder, with_pip=True)
        probe = [str(python), "-c", "import cryptofeed.exchanges"]
        if subprocess.run(probe, capture_output=True).returncode != 0:
            install = [str(python), "-m", "pip", "install", "--quiet", RELEASE]
            done = subprocess.run(install, capture_output=True, text=True)
            if done.returncode != 0:
                lines = done.stderr.strip().splitlines() or ["pip said nothing"]
                print(f"cryptofeed does not install: {lines[-1]}")
                return 1
            done = subprocess.run(probe, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"cryptofeed does not start: {done.stderr.strip().splitlines()[-1]}")
                return 1
    except (OSError, subprocess.SubprocessError) as error:
        print(f"no environment in {folder}: {error}")
        return 1
    print(python)
    return 0


async def read(venue: str, path: str) -> float:
    from decimal import Decimal

    from cryptofeed.exchanges import Binance
    from cryptofeed.types import OrderBook
    from yapic import json

    picture, *frames = Path(path).read_text().splitlines()

    async def nobody(*_, **__):
        pass

    if venue != "binance":
        raise SystemExit(f"cryptofeed reads another version of {venue}'s protocol")
    pair, symbol = "BTCUSDT", "BTC-USDT"
    # Only what keeps a book, without addresses and connections.
    feed = Binance.__new__(Binance)
    whole = json.loads(picture, parse_float=Decimal)
    feed._l2_book = {
        symbol: OrderBook(
            Binance.id,
            symbol,
            bids={Decimal(p): Decimal(s) for p, s in whole["bids"]},
            asks={Decimal(p): Decimal(s) for p, s in whole["asks"]},
        )
    }
    feed.last_update_id = {symbol: json.loads(frames[0])["data"]["U"] - 1}
    feed.forced = {symbol}
    feed.exchange_symbol_to_std_symbol = lambda _: symbol
    feed.book_callback = nobody
    feed.timestamp_normalize = lambda ms: ms / 1000.0
    begin = time.thread_time()
    for frame in frames:
        message = json.loads(frame, parse_float=Decimal)
        await feed._book(message["data"], pair, 0.0)
    return time.thread_time() - begin


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        sys.exit(prepare(Path(sys.argv[2])))
    print(asyncio.run(read(sys.argv[1], sys.argv[2])))
