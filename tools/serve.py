"""Serve the built site on 127.0.0.1, as a static host would: an address that does not exist gets the site's own page.

python tools/serve.py [port]
"""

import functools
import http.server
import sys
from pathlib import Path

SITE = Path(__file__).resolve().parents[1] / "_build" / "html"


class Handler(http.server.SimpleHTTPRequestHandler):
    """A file server that answers what is not there with 404.html."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        page = Path(self.directory) / "404.html"
        if code != 404 or not page.exists():
            return super().send_error(code, message, explain)
        body = page.read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class Quiet(Handler):
    """The same without a line for every request."""

    def log_message(self, *arguments: object) -> None:
        pass


def server(port: int = 0, handler: type[Handler] = Quiet) -> http.server.ThreadingHTTPServer:
    """A server of the built site on 127.0.0.1; port 0 is any that is free."""
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(handler, directory=SITE))


if __name__ == "__main__":
    if not (SITE / "index.html").exists():
        raise SystemExit("no site in _build/html yet: run `make book` first")
    port = sys.argv[1] if len(sys.argv) > 1 else "8000"
    try:
        serving = server(int(port), Handler)
    except (ValueError, OSError, OverflowError) as error:
        raise SystemExit(f"cannot serve on port {port}: {error}; name another, such as 8123") from None
    with serving:
        print(f"the book is at http://127.0.0.1:{serving.server_port}/ (Ctrl-C ends it)")
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            print()
