"""Before fake-gcs-server, what Google's XML interface does and that server does not: a plain PUT,
which it takes only as a signed URL's; entity tag and generation in the reply to it; the condition
x-goog-if-generation-match; If-None-Match."""

import http.client
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

listen, inside = int(sys.argv[1]), int(sys.argv[2])
writing = Lock()


def ask(method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", inside, timeout=30)
    connection.request(method, path, body, headers or {})
    reply = connection.getresponse()
    return reply.status, dict(reply.getheaders()), reply.read()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if name not in ("Content-Length", "Date", "Transfer-Encoding"):
                self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 304:
            self.wfile.write(body)

    def do_GET(self):
        status, headers, body = ask("GET", self.path)
        if status == 200 and headers.get("Etag", "") == self.headers.get("If-None-Match"):
            status, body = 304, b""
        self.answer(status, headers, body)

    def do_DELETE(self):
        status, headers, body = ask("DELETE", self.path)
        self.answer(204 if status == 200 else status, {}, b"" if status == 200 else body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        expected = self.headers.get("x-goog-if-generation-match")
        sent = {name: self.headers[name] for name in ("Content-Type", "Cache-Control") if name in self.headers}
        with writing:
            status, there, _ = ask("GET", self.path)
            generation = there.get("X-Goog-Generation", "0") if status == 200 else "0"
            if expected is not None and expected != generation:
                return self.answer(412, {}, b"PreconditionFailed")
            status, headers, said = ask("PUT", self.path + "?X-Goog-Algorithm=none", body, sent)
        if status == 200:
            made = json.loads(said)
            headers = {"ETag": '"%s"' % made["etag"], "x-goog-generation": made["generation"]}
            said = b""
        self.answer(status, headers, said)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", listen), Handler).serve_forever()
