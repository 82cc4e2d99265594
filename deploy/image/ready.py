"""Exit with 0 where this container's service is ready to answer: the image's health check."""

import http.client
import os

connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["PRICERANGE_PORT"]), timeout=2)
connection.request("GET", "/readyz")
raise SystemExit(connection.getresponse().status != 200)
