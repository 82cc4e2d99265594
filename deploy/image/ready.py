"""Exit with 0 where this container's service is ready to answer: the image's health check."""

import http.client
import os
import ssl

# the service passes over the same: nothing, and the tcp://... of a container or Service named pricerange
port = os.environ.get("PRICERANGE_PORT", "")
place = ("127.0.0.1", int(port) if port.isdecimal() else 8000)
if os.environ.get("PRICERANGE_TLS_CERT"):
    # whose name it has does not matter on the way to oneself
    unverified = ssl._create_unverified_context()
    connection = http.client.HTTPSConnection(*place, timeout=2, context=unverified)
else:
    connection = http.client.HTTPConnection(*place, timeout=2)
connection.request("GET", "/readyz")
raise SystemExit(connection.getresponse().status != 200)
