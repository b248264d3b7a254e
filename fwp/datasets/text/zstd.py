"""Reading files that zstd compressed: frame after frame, and never a part of one in silence."""

import io
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 17


def open_zstd(path: Path) -> BinaryIO:
    """A file to read decompressed bytes from; a frame without its end is an EOFError.

    Raises:
        ImportError: the library `zstandard` is not installed.
    """
    import zstandard

    return io.BufferedReader(_Frames(path.open("rb"), zstandard.ZstdDecompressor()), CHUNK)


class _Frames(io.RawIOBase):
    """All frames of a file. The library's own reader takes a file that was cut off for whole."""

    def __init__(self, file: BinaryIO, library):
        self.file, self.library = file, library
        self.frame = None  # that has begun and not ended
        self.rest = b""  # read, not yet decompressed
        self.ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self.ready:
            data = self.rest or self.file.read(CHUNK)
            self.rest = b""
            if not data:
                if self.frame is not None:
                    raise EOFError("it ends before the end of a frame")
                return 0
            frame = self.frame or self.library.decompressobj()
            self.ready = frame.decompress(data)
            self.frame, self.rest = (None, frame.unused_data) if frame.eof else (frame, b"")
        count = min(len(buffer), len(self.ready))
        buffer[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count

    def close(self) -> None:
        self.file.close()
        super().close()
