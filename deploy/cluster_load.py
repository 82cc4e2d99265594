"""Steady load from inside a cluster, as a program for one pod: a line of JSON a second says what came of it.

    python -c "$(cat cluster_load.py)" ADDRESS PORT BODY SECONDS

Half of the clients keep their connections, as proxies do; the other half opens one for each request. A
request is lost where no answer with status 200 came; nothing is tried again.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter

CLIENTS = 4
PAUSE = 0.02
"""Seconds between two requests of a client: some 150 requests a second in all."""
TIMEOUT = 10

address, port, body, seconds = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
end = time.monotonic() + seconds
counts: Counter[str] = Counter()
lost: list[str] = []
lock = threading.Lock()


def ask(connection: http.client.HTTPConnection) -> str:
    """Return the version that answered; raise where none did."""
    connection.request("POST", "/predict", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise http.client.HTTPException(f"status {answer.status}")
    return str(json.loads(text)["model"]["version"])


def client(keeps: bool) -> None:
    """Ask until the end."""
    connection = http.client.HTTPConnection(address, port, timeout=TIMEOUT)
    while time.monotonic() < end:
        try:
            outcome = f"version {ask(connection)}"
        except (OSError, http.client.HTTPException) as error:
            outcome = "lost"
            with lock:
                lost.append(f"{type(error).__name__} {error}, connection {'kept' if keeps else 'new'}")
            connection.close()
        if not keeps:
            connection.close()
        with lock:
            counts[outcome] += 1
        time.sleep(PAUSE)


for number in range(CLIENTS):
    threading.Thread(target=client, args=(number % 2 == 0,), daemon=True).start()
while time.monotonic() < end:
    time.sleep(1)
    with lock:
        print(json.dumps({"counts": counts, "lost": lost[-5:]}), flush=True)
