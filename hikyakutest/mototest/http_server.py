"""The HTTP server that moto's applications run in here.

Werkzeug's closes the connection after every request, which costs more than most
answers do, and takes a port that was free a moment ago and may be another's by
now. This one keeps connections, and listens on a socket that it is given: the
file descriptor MOTOTEST_FD.
"""

import io
import os
import socket
import sys
import threading
import time
import traceback
from urllib.parse import unquote


def install(module):
    def run_simple(host, port, app, **_):
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        with socket.socket(fileno=int(os.environ["MOTOTEST_FD"])) as listener:
            listener.setblocking(True)
            while True:
                connection, peer = listener.accept()
                threading.Thread(target=converse, args=(connection, peer, app), daemon=True).start()

    module.run_simple = run_simple


def end_with(parent):
    """Ends the server when the test that started it is gone without ending it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def converse(connection, peer, app):
    """Answers the requests of one connection until the other side ends it."""
    with connection, connection.makefile("rb", 1 << 16) as reader:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while once(connection, peer, reader, app):
                pass
        except (ConnectionError, TimeoutError):
            pass  # whoever asked is gone
        except Exception:
            traceback.print_exc()


def once(connection, peer, reader, app):
    """Answers one request; false when it was the last."""
    line = reader.readline(1 << 16)
    if not line.strip():
        return False
    method, target, version = line.decode("latin-1").split()
    headers = read_headers(reader)
    environ = environment(connection, peer, method, target, version, headers)
    if headers.get("EXPECT", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = read_body(reader, headers)
    environ["wsgi.input"], environ["wsgi.input_terminated"] = io.BytesIO(body), True
    status, answered, content = call(app, environ)
    last = version != "HTTP/1.1" or headers.get("CONNECTION", "").lower() == "close"
    head = [f"HTTP/1.1 {status}"]
    head += [f"{name}: {value}" for name, value in answered]
    without = method == "HEAD" or status[:3] in ("204", "304")
    if not without and not any(name.lower() == "content-length" for name, _ in answered):
        head.append(f"Content-Length: {len(content)}")
    if last:
        head.append("Connection: close")
    raw = ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")
    connection.sendall(raw if without else raw + content)
    return not last


def read_headers(reader):
    headers = {}
    while (line := reader.readline(1 << 16).decode("latin-1").strip()) != "":
        name, _, value = line.partition(":")
        if "_" in name:
            continue
        name, value = name.upper(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def read_body(reader, headers):
    if "chunked" not in headers.get("TRANSFER-ENCODING", "").lower():
        return read_exactly(reader, int(headers.get("CONTENT-LENGTH") or 0))
    parts = []
    while size := int(reader.readline(1 << 16).split(b";")[0], 16):
        parts.append(read_exactly(reader, size))
        reader.readline(1 << 16)
    while reader.readline(1 << 16).strip():
        pass  # trailers
    return b"".join(parts)


def read_exactly(reader, size):
    body = reader.read(size)
    if len(body) < size:
        raise ConnectionError("the request ended early")
    return body


def environment(connection, peer, method, target, version, headers):
    """The request as WSGI has it, with werkzeug's additions."""
    path, _, query = target.partition("?")
    host, port = connection.getsockname()[:2]
    environ = {
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "werkzeug.socket": connection, "SERVER_SOFTWARE": "mototest", "REQUEST_METHOD": method, "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path).encode("utf-8").decode("latin-1"), "QUERY_STRING": query, "REQUEST_URI": target, "RAW_URI": target,
        "REMOTE_ADDR": peer[0], "REMOTE_PORT": peer[1], "SERVER_NAME": host, "SERVER_PORT": str(port), "SERVER_PROTOCOL": version,
    }
    for name, value in headers.items():
        name = name.replace("-", "_")
        environ[name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else "HTTP_" + name] = value
    return environ


def call(app, environ):
    """What the application answers: status, headers, body."""
    begun = []

    def start_response(status, headers, exc_info=None):
        begun[:] = [status, headers]
        return lambda data: None

    try:
        parts = app(environ, start_response)
        try:
            content = b"".join(parts)
        finally:
            if hasattr(parts, "close"):
                parts.close()
    except Exception:
        traceback.print_exc()
        return "500 INTERNAL SERVER ERROR", [("Content-Type", "text/plain")], traceback.format_exc().encode()
    return begun[0], begun[1], content
