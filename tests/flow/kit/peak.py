"""How much memory a viaduct takes while a piece of a test runs."""

import threading


class Peak:
    """The largest resident size while it watches."""

    def __init__(self, viaduct):
        self.viaduct, self.bytes, self.over = viaduct, 0, threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        while not self.over.wait(0.05):
            self.bytes = max(self.bytes, self.viaduct.rss_bytes())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *args):
        self.over.set()
        self.thread.join()
